// What somebody sent along: a pasted picture, or a file from their OneDrive.
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4

import { drawing, h, link } from "../../dom.js";
import { word } from "../../words.js";

const FILE = "application/vnd.microsoft.teams.file.download.info";
const PASTED = /\/emea\/v3\/attachments\/([^/]+)\/views\/.*$/;

/** @param {any[]} attachments @returns {HTMLElement[]} */
export function attached(attachments) {
  return attachments.flatMap((one) => {
    if (one.contentType.startsWith("image/")) return [picture(one)];
    return one.contentType === FILE ? [file(one)] : [];
  });
}

/** The connector gives it to the bot's token only; the phone shows what it sent itself. */
function picture({ contentUrl }) {
  return h("img", { class: "pasted", src: contentUrl.replace(PASTED, "/phone/pictures/$1"), alt: word("photo") });
}

function file({ name, content }) {
  const sign = h("span", { class: "file-sign" }, drawing("file"));
  return h("div", { class: "bubble attached" }, sign, link(content.downloadUrl, h("span", { class: "file-name" }, name)));
}
