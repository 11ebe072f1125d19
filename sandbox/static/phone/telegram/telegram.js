// Telegram: a START button before the first word, keyboards under messages, and taps that wait for their answers.

import { find, h } from "../../dom.js";
import { word } from "../../words.js";
import { Screen } from "../screen.js";
import { attachments } from "./attach.js";
import { bubble } from "./bubble.js";

/** Seconds that "typing…" lasts: https://core.telegram.org/bots/api#sendchataction */
const TYPING_LASTS = 5;
/** The apps give up on a tap's answer after a while, too. */
const SPINS_FOR = 15_000;

export class Telegram {
  /** Payload of the link that opened the chat; null without one. @type {string | null} */
  #payload = null;
  #taken = new Set();
  #edited = new Set();
  #spinning = new Map();

  /** @param {{send: (frame: object) => boolean, onUnread: (count: number) => void, toast: (text: string) => void}} phone */
  constructor({ send, onUnread, toast }) {
    this.send = send;
    this.toast = toast;
    this.screen = new Screen("telegram", {
      idle: "bot",
      introduction: [h("p", {}, h("strong", {}, word("what"))), h("p", {}, word("about"))],
      say: (text) => send({ type: "say", text }),
      id: (message) => message.message_id,
      at: (message) => new Date(message.date * 1000),
      draw: (message) => this.#draw(message),
      onUnread,
    });
    this.chat = this.screen.chat;
    this.start = h("button", { id: "start", type: "button", onclick: () => this.#start() }, word("start"));
    this.screen.find(".composer").before(this.start);
    this.screen.find(".compose").before(attachments((kind) => send({ type: kind })));
    for (const [id, part] of Object.entries(IDS)) this.screen.find(part).id = id;
  }

  /** By a deep link, START waits to be pressed. @param {{payload: string}} where */
  open({ payload }) {
    this.#payload = payload || this.chat.isEmpty ? payload : null;
    this.#showComposer();
    find(this.#payload === null ? "#words" : "#start").focus();
  }

  fill({ name, messages, taken }) {
    this.#payload = null;
    this.#taken = new Set(taken);
    this.#spinning.clear();
    this.screen.fill(name, messages);
    this.#showComposer();
  }

  setConnected(is) {
    this.screen.setConnected(is);
  }

  take(frame) {
    if (frame.type === "tapped") this.#spin(frame);
    else this.#show(frame.kind, frame.data);
  }

  #show(kind, data) {
    if (kind === "message") this.screen.setTyping(false);
    if (kind === "message" || kind === "sent") this.chat.add(data, kind === "sent");
    if (kind === "edited") this.#edit(data);
    if (kind === "deleted") this.chat.remove(data.message_id);
    if (kind === "taken") this.#take(data.message_id);
    if (kind === "action") this.screen.setTyping(data.action === "typing", TYPING_LASTS);
    if (kind === "answer") this.#answer(data);
    this.#showComposer();
  }

  #draw(message) {
    const id = message.message_id;
    return bubble(message, {
      own: !message.from.is_bot,
      taken: this.#taken.has(id),
      edited: this.#edited.has(id),
      tap: (place) => this.send({ type: "tap", message_id: id, button: place }),
    });
  }

  #edit(message) {
    const before = this.chat.message(message.message_id);
    if (before?.text !== message.text || before?.caption !== message.caption) this.#edited.add(message.message_id);
    this.chat.edit(message);
  }

  #take(id) {
    this.#taken.add(id);
    this.chat.redraw(this.chat.message(id));
  }

  /** A button waits for its answer. */
  #spin({ message_id, button, callback_query_id }) {
    const key = this.chat.row(message_id)?.querySelector(`[data-place="${button}"]`);
    key?.setAttribute("aria-busy", "true");
    this.#spinning.set(callback_query_id, key);
    setTimeout(() => this.#stopSpinning(callback_query_id), SPINS_FOR);
  }

  #stopSpinning(query) {
    this.#spinning.get(query)?.removeAttribute("aria-busy");
    this.#spinning.delete(query);
  }

  #answer({ callback_query_id, text, show_alert }) {
    this.#stopSpinning(callback_query_id);
    if (text && show_alert) {
      find("#alert p").textContent = text;
      find("#alert").showModal();
    } else if (text) this.toast(text);
  }

  #start() {
    if (!this.send({ type: "start", payload: this.#payload ?? "" })) return;
    this.#payload = null;
    this.#showComposer();
    find("#words").focus();
  }

  /** As in Telegram, a new chat and a deep link have a START button where one writes otherwise. */
  #showComposer() {
    const starting = this.#payload !== null || this.chat.isEmpty;
    this.start.hidden = !starting;
    this.screen.find(".composer").hidden = starting;
    find("#phone").classList.toggle("attention", this.#payload !== null);
  }
}

const IDS = {
  "bot-name": ".name",
  "bot-state": ".state",
  log: ".log",
  messages: ".messages",
  composer: ".composer",
  words: ".compose",
  send: ".send",
};
