// One message as WhatsApp shows it: header, words, footer, time and ticks, and below what can be tapped.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

import { drawing, h, link } from "../../dom.js";
import { word } from "../../words.js";
import { clock } from "../chat.js";
import { caption, files, picture } from "./files.js";
import { formatted } from "./style.js";

/**
 * @param {any} message
 * @param {{state: "sent" | "taken" | "read", answered?: any, tap: (place: number) => void,
 *   openList: (opener: HTMLElement) => void}} options `answered`: the message that this one answers by a tap
 */
export function bubble(message, { state, answered, tap, openList }) {
  const own = !message.business;
  const author = h("span", { class: "unseen" }, `${own ? word("you") : "Hearthside"}: `);
  const meta = h("span", { class: "meta" }, clock(new Date(Number(message.timestamp) * 1000)));
  if (own) meta.append(ticks(state));
  const body = h("div", { class: "bubble", dir: "auto" }, author, ...quote(answered), ...contents(message), meta, ...actions(message, tap, openList));
  return h("div", { class: own ? "row own" : "row" }, body);
}

function contents(message) {
  const { type, text, interactive } = message;
  if (type !== "interactive") return [...files(message), ...words(text?.body ?? caption(message))];
  const reply = interactive.button_reply ?? interactive.list_reply;
  if (reply) return words(reply.title);
  return [...header(interactive.header), ...words(interactive.body.text), ...footer(interactive.footer)];
}

function words(text) {
  return text ? [h("div", { class: "words" }, formatted(text))] : [];
}

function header(header) {
  if (!header) return [];
  return header.type === "image" ? [picture(header.image)] : [h("p", { class: "headline" }, header.text)];
}

function footer(footer) {
  return footer ? [h("p", { class: "footer" }, footer.text)] : [];
}

/** What a tap answered, over the answer. */
function quote(message) {
  if (!message) return [];
  return [h("div", { class: "quote" }, h("strong", {}, "Hearthside"), h("p", {}, message.interactive?.body?.text ?? message.text?.body ?? caption(message) ?? ""))];
}

/** @param {"sent" | "taken" | "read"} state */
function ticks(state) {
  return h("span", { class: `ticks ${state}`, role: "img", "aria-label": word(state) }, drawing(state === "sent" ? "sent" : "taken"));
}

function actions({ interactive }, tap, openList) {
  const { type, action } = interactive ?? {};
  if (type === "button") return [h("div", { class: "replies" }, ...action.buttons.map((button, place) => reply(button.reply.title, place, tap)))];
  if (type === "list") {
    const open = (event) => openList(event.currentTarget);
    return [h("div", { class: "replies" }, h("button", { type: "button", class: "open-list", "aria-haspopup": "dialog", onclick: open }, drawing("list"), action.button))];
  }
  if (type === "cta_url") {
    const { url, display_text } = action.parameters;
    return [h("div", { class: "replies" }, link(url, drawing("open"), display_text))];
  }
  return [];
}

function reply(title, place, tap) {
  return h("button", { type: "button", onclick: () => tap(place) }, drawing("reply"), title);
}
