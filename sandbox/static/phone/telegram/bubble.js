// One message as Telegram shows it: what is attached, words, time, ticks, and the keyboard below.

import { drawing, h } from "../../dom.js";
import { word } from "../../words.js";
import { clock } from "../chat.js";
import { attached } from "./attached.js";
import { formatted } from "./entities.js";

/**
 * @param {any} message Telegram's Message
 * @param {{own: boolean, taken: boolean, edited: boolean, tap: (place: number) => void}} options
 */
export function bubble(message, { own, taken, edited, tap }) {
  const author = h("span", { class: "unseen" }, `${own ? word("you") : message.from.first_name}: `);
  const body = h("div", { class: "bubble", dir: "auto" }, author, ...contents(message), meta(message, { own, taken, edited }));
  if (message.photo) body.classList.add("with-photo");
  const row = h("div", { class: own ? "row own" : "row" }, body);
  if (message.reply_markup) row.append(keyboard(message.reply_markup.inline_keyboard, tap));
  return row;
}

function contents(message) {
  const parts = attached(message);
  const [text, entities] = message.text === undefined ? [message.caption, message.caption_entities] : [message.text, message.entities];
  if (text) parts.push(h("div", { class: "words" }, formatted(shownText(text), entities)));
  return parts;
}

/** Telegram's apps show a deep link's START without its payload. @param {string} text */
function shownText(text) {
  return /^\/start [\w-]+$/.test(text) ? "/start" : text;
}

function meta(message, { own, taken, edited }) {
  const line = h("span", { class: "meta" }, edited ? `${word("edited")} ` : "", clock(new Date(message.date * 1000)));
  if (own) line.append(ticks(taken));
  return line;
}

/** @param {boolean} taken */
export function ticks(taken) {
  const name = taken ? "taken" : "sent";
  return h("span", { class: "ticks", role: "img", "aria-label": word(name) }, drawing(name));
}

function keyboard(rows, tap) {
  let place = 0;
  const lines = rows.map((row) => h("div", { class: "keys-row" }, ...row.map((button) => key(button, place++, tap))));
  return h("div", { class: "keys" }, ...lines);
}

function key(button, place, tap) {
  const label = h("span", {}, button.text);
  if (button.url) {
    return h("a", { href: button.url, target: "_blank", rel: "noopener noreferrer" }, label, drawing("open"));
  }
  return h("button", { type: "button", "data-place": place, onclick: () => tap(place) }, label);
}
