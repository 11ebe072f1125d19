// What a message shows beside words: a picture, a file, a place, a voice.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

import { drawing, h, link } from "../../dom.js";
import { word } from "../../words.js";

/** @param {any} message @returns {HTMLElement[]} */
export function files({ type, image, document, location, audio, sticker }) {
  if (type === "image") return [picture(image)];
  if (type === "document") return [file(document)];
  if (type === "location") return [place(location)];
  if (type === "audio") return [voice(audio)];
  if (type === "sticker") return [picture(sticker)];
  return [];
}

/** The words that belong to it. @param {any} message @returns {string | undefined} */
export const caption = ({ type, ...message }) => message[type]?.caption;

/** A business's is where its link leads; one's own is on the phone. @param {{link?: string, id?: string, caption?: string}} file */
export function picture(file) {
  return h("img", { src: address(file), alt: file.caption ? "" : word("photo"), referrerpolicy: "no-referrer" });
}

function file(document) {
  const name = h("span", { class: "file-name" }, document.filename ?? word("document"));
  return h("div", { class: "attached" }, sign("file"), document.link ? link(document.link, name) : name);
}

/** A map is drawn, not fetched: the sandbox needs no internet. */
function place({ latitude, longitude, name, address }) {
  const at = `mlat=${latitude}&mlon=${longitude}#map=17/${latitude}/${longitude}`;
  const map = h("div", { class: "map", role: "img", "aria-label": word("location") }, drawing("pin"));
  const degrees = `${Number(latitude).toFixed(5)}, ${Number(longitude).toFixed(5)}`;
  const title = link(`https://www.openstreetmap.org/?${at}`, name ?? degrees);
  return h("div", { class: "place" }, map, title, ...(address ? [h("span", { class: "faint" }, address)] : []));
}

function voice({ voice: spoken }) {
  const label = spoken ? word("voice") : word("document");
  return h("div", { class: "attached", role: "img", "aria-label": label }, sign("voice"), h("span", { class: "wave" }));
}

function sign(name) {
  return h("span", { class: "file-sign" }, drawing(name));
}

function address({ link: url, id }) {
  return url ?? `/whatsapp/phone/files/${encodeURIComponent(id)}`;
}
