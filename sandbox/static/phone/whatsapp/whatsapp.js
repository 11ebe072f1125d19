// WhatsApp: ticks that turn blue, reply buttons, and lists that open as a sheet.

import { h } from "../../dom.js";
import { word } from "../../words.js";
import { Screen } from "../screen.js";
import { attachments } from "../telegram/attach.js";
import { bubble } from "./bubble.js";
import { Sheet } from "./sheet.js";

/** Seconds: https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators */
const TYPING_LASTS = 25;

export class WhatsApp {
  #taken = new Set();
  #read = new Set();
  /** The newest of the business's messages that it was told was read. */
  #told = "";
  #on = false;

  /** @param {{send: (frame: object) => boolean, onUnread: (count: number) => void}} phone */
  constructor({ send, onUnread }) {
    this.send = send;
    this.screen = new Screen("whatsapp", {
      idle: "business",
      introduction: [h("p", {}, word("aboutWhatsApp"))],
      say: (text) => send({ type: "say", text }),
      id: (message) => message.id,
      at: (message) => new Date(Number(message.timestamp) * 1000),
      draw: (message) => this.#draw(message),
      onUnread,
      onLook: () => this.#tellRead(),
    });
    this.chat = this.screen.chat;
    this.screen.find(".compose").id = "whatsapp-words";
    this.screen.find(".compose").before(attachments((kind) => send({ type: kind })));
    this.sheet = new Sheet(this.screen.root);
  }

  /** By a link with a text, which waits to be sent. @param {{text: string}} where */
  open({ text }) {
    this.screen.prefill(text);
  }

  fill(state) {
    this.#on = state !== null;
    if (!this.#on) return this.screen.switchOff("offWhatsApp");
    this.#taken = new Set(state.taken);
    this.#read = new Set(state.read);
    this.sheet.close();
    this.screen.find(".composer").hidden = false;
    this.screen.fill(state.name, state.messages);
  }

  setConnected(is) {
    if (this.#on) this.screen.setConnected(is);
  }

  take({ kind, data }) {
    if (kind === "message") this.screen.setTyping(false);
    if (kind === "message" || kind === "sent") this.chat.add(data, kind === "sent");
    if (kind === "typing") this.screen.setTyping(true, TYPING_LASTS);
    if (kind === "edited") this.chat.edit(data);
    if (kind === "revoked") this.chat.remove(data.id);
    if (kind === "taken") this.#mark(this.#taken, data.id);
    if (kind === "read") this.#mark(this.#read, data.message_id);
  }

  #mark(marks, id) {
    marks.add(id);
    const message = this.chat.message(id);
    if (message) this.chat.redraw(message);
  }

  #draw(message) {
    const { id } = message;
    const answered = message.context && this.chat.message(message.context.id);
    return bubble(message, {
      state: this.#read.has(id) ? "read" : this.#taken.has(id) ? "taken" : "sent",
      answered,
      tap: (place) => this.send({ type: "tap", message_id: id, button: place }),
      openList: (opener) => this.sheet.open(message, opener, (place) => this.send({ type: "tap", message_id: id, button: place })),
    });
  }

  /** Whoever has the chat open has read it. */
  #tellRead() {
    const newest = this.chat.newest((message) => message.business)?.id;
    if (newest && newest !== this.#told && this.send({ type: "read" })) this.#told = newest;
  }
}
