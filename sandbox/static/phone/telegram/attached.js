// What a message shows beside its words: a picture, a file, a place, a voice.

import { drawing, h, link } from "../../dom.js";
import { word } from "../../words.js";

const KILOBYTE = 1024;

/** @param {any} message Telegram's Message @returns {HTMLElement[]} */
export function attached(message) {
  const parts = [];
  if (message.photo) parts.push(photo(message));
  if (message.document) parts.push(file(message.document));
  if (message.venue) parts.push(place(message.venue.location, message.venue));
  else if (message.location) parts.push(place(message.location));
  if (message.voice) parts.push(voice(message.voice));
  return parts;
}

function photo(message) {
  const { file_id, width, height } = message.photo.at(-1);
  return h("img", { src: `/phone/pictures/${file_id}`, alt: message.caption ? "" : word("photo"), width, height });
}

function file({ file_name, file_size }) {
  const size = `${Math.max(1, Math.round(file_size / KILOBYTE))} KB`;
  const name = h("span", { class: "file-name" }, file_name ?? word("document"));
  return h("div", { class: "attached" }, h("span", { class: "file-sign" }, drawing("file")), h("div", {}, name, h("span", { class: "faint" }, size)));
}

/** A map is drawn, not fetched: the sandbox needs no internet. */
function place({ latitude, longitude }, venue) {
  const at = `mlat=${latitude}&mlon=${longitude}#map=17/${latitude}/${longitude}`;
  const map = h("div", { class: "map", role: "img", "aria-label": word("location") }, drawing("pin"));
  const title = venue ? h("strong", {}, venue.title) : `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const address = venue ? [h("span", { class: "faint" }, venue.address)] : [];
  return h("div", { class: "place" }, map, link(`https://www.openstreetmap.org/?${at}`, title), ...address);
}

function voice({ duration }) {
  const time = `${Math.floor(duration / 60)}:${String(duration % 60).padStart(2, "0")}`;
  const sign = h("span", { class: "file-sign" }, drawing("voice"));
  return h("div", { class: "attached", role: "img", "aria-label": `${word("voice")} ${time}` }, sign, h("span", { class: "wave" }), h("span", { class: "faint" }, time));
}
