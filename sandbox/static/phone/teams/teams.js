// Microsoft Teams: words in markdown, Adaptive Cards, and what became of a card's answer.

import { drawing, h } from "../../dom.js";
import { word } from "../../words.js";
import { clock } from "../chat.js";
import { Screen } from "../screen.js";
import { attachments } from "../telegram/attach.js";
import { attached } from "./attached.js";
import { card } from "./card.js";
import { markdown } from "./markdown.js";

const ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive";
/** Seconds that the dots stay if nothing else comes. */
const TYPING_LASTS = 8;

export class Teams {
  #bot = "";
  #taken = new Set();
  #refused = new Set();
  /** What became of an answer, by the message whose button was pressed. @type {Map<string, string>} */
  #answers = new Map();
  /** Which message a submitted answer belongs to. @type {Map<string, string>} */
  #submitted = new Map();
  /** When a message that carries no time was first seen. @type {Map<string, Date>} */
  #seen = new Map();
  #on = false;

  /** @param {{send: (frame: object) => boolean, onUnread: (count: number) => void}} phone */
  constructor({ send, onUnread }) {
    this.send = send;
    this.screen = new Screen("teams", {
      idle: "app",
      introduction: [h("p", {}, h("strong", {}, "Hearthside")), h("p", {}, word("aboutTeams"))],
      say: (text) => send({ type: "say", text }),
      id: (message) => message.id,
      at: (message) => this.#at(message),
      draw: (message) => this.#draw(message),
      onUnread,
    });
    this.chat = this.screen.chat;
    this.screen.find(".compose").id = "teams-words";
    this.screen.find(".compose").before(attachments((kind) => send({ type: kind }), ["photo", "document"]));
    const remove = { class: "remove-app", type: "button", title: word("removeApp"), onclick: () => send({ type: "uninstall" }) };
    this.remove = h("button", remove, word("remove"));
    this.screen.find(".scan").before(this.remove);
    const add = h("button", { class: "add-app", type: "button", onclick: () => send({ type: "install" }) }, word("addApp"));
    this.removed = h("div", { class: "removed", role: "status", hidden: true }, h("p", {}, word("appRemoved")), add);
    this.screen.find(".composer").before(this.removed);
  }

  /** By a link with a message, which waits to be sent. @param {{text: string}} where */
  open({ text }) {
    this.screen.prefill(text);
  }

  fill(state) {
    this.#on = state !== null;
    this.remove.hidden = !this.#on;
    if (!this.#on) return this.screen.switchOff("offTeams");
    this.#bot = state.bot;
    this.#taken = new Set(state.taken);
    this.#refused = new Set(state.refused);
    this.#answers.clear();
    this.#setInstalled(state.installed);
    this.screen.fill(state.name, state.messages);
  }

  setConnected(is) {
    if (this.#on) this.screen.setConnected(is);
  }

  take(frame) {
    if (frame.type === "tapped") this.#tapped(frame);
    else this.#show(frame.kind, frame.data);
  }

  #show(kind, data) {
    if (kind === "message") this.screen.setTyping(false);
    if (kind === "message" || kind === "sent") this.chat.add(data, kind === "sent");
    if (kind === "typing") this.screen.setTyping(true, TYPING_LASTS);
    if (kind === "edited") this.chat.edit(data);
    if (kind === "deleted") this.chat.remove(data.id);
    if (kind === "installed") this.#setInstalled(data.is);
    if (kind === "taken") this.#ended(data.id, this.#taken, "responded");
    if (kind === "refused") this.#ended(data.id, this.#refused, "unreachable");
  }

  /** Without the app there is nobody to write to. */
  #setInstalled(is) {
    this.screen.find(".composer").hidden = !is;
    this.remove.hidden = !is;
    this.removed.hidden = is;
  }

  #tapped({ message_id, id }) {
    this.#submitted.set(id, message_id);
    this.#answer(message_id, "responding");
  }

  #ended(id, marks, outcome) {
    if (this.#submitted.has(id)) return this.#answer(this.#submitted.get(id), outcome);
    marks.add(id);
    const message = this.chat.message(id);
    if (message) this.chat.redraw(message);
  }

  /** Only the line under the card changes: the card keeps the focus. */
  #answer(id, outcome) {
    this.#answers.set(id, outcome);
    const line = this.chat.row(id)?.querySelector(".response");
    if (line) this.chat.change(() => (line.textContent = word(outcome)));
  }

  #draw(message) {
    const own = message.from.id !== this.#bot;
    const name = h("span", own ? { class: "unseen" } : {}, own ? word("you") : this.screen.find(".name").textContent);
    const meta = h("p", { class: "meta" }, name, " ", clock(this.#at(message)));
    if (own) meta.append(this.#ticks(message.id));
    const body = h("div", { class: "said" }, meta, ...this.#contents(message));
    const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, h("img", { src: "/static/flame.svg", alt: "", width: 28, height: 28 }));
    return h("div", { class: own ? "row own" : "row" }, ...(own ? [] : [avatar]), body);
  }

  #at({ id, timestamp }) {
    if (timestamp) return new Date(timestamp);
    if (!this.#seen.has(id)) this.#seen.set(id, new Date());
    return this.#seen.get(id);
  }

  #contents(message) {
    const plain = message.textFormat === "plain";
    const cards = (message.attachments ?? []).filter((one) => one.contentType === ADAPTIVE_CARD);
    const files = attached(message.attachments ?? []);
    const shown = message.text ? [h("div", { class: "bubble words", dir: "auto" }, plain ? message.text : markdown(message.text))] : [];
    return cards.length ? [...shown, this.#cards(message, cards), this.#response(message.id)] : [...files, ...shown];
  }

  #cards(message, cards) {
    let place = 0;
    const tap = (button) => this.send({ type: "tap", message_id: message.id, button });
    const drawn = cards.map(({ content }) => card(content, { place: () => place++, tap }));
    if (drawn.length === 1) return drawn[0];
    return h("div", { class: "carousel", role: "group", tabindex: 0, "aria-label": word("cards") }, ...drawn);
  }

  #response(id) {
    return h("p", { class: "response", role: "status" }, this.#answers.has(id) ? word(this.#answers.get(id)) : "");
  }

  #ticks(id) {
    if (this.#refused.has(id)) return h("span", { class: "ticks failed", role: "img", "aria-label": word("notDelivered") }, drawing("failed"));
    const state = this.#taken.has(id) ? "taken" : "sent";
    return h("span", { class: `ticks ${state}`, role: "img", "aria-label": word(state) }, drawing(state === "sent" ? "sent" : "taken"));
  }
}
