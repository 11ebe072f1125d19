// The phone: its chat, its writing line, its START button, and who holds it.

import { find, h } from "../dom.js";
import { word } from "../words.js";
import { Chat } from "./chat.js";
import { Line } from "./line.js";

/** Seconds that "typing…" lasts: https://core.telegram.org/bots/api#sendchataction */
const TYPING_LASTS = 5;
const TOAST_LASTS = 6;
const NIGHT = "phone-night";

export class Phone {
  #connected = false;
  #typing = 0;
  #toasting = 0;
  #changing = false;
  /** Payload of the link that opened the chat; null without one. @type {string | null} */
  #payload = null;

  /** @param {{onUnread: (count: number) => void, onScan: () => void}} on */
  constructor({ onUnread, onScan }) {
    this.chat = new Chat({ tap: (message, place) => this.#tap(message, place), unread: onUnread });
    this.line = new Line({ frame: (frame) => this.#take(frame), connected: (is) => this.#setConnected(is) });
    find("#scan").addEventListener("click", onScan);
    find("#start").addEventListener("click", () => this.#start());
    find("#new-customer").addEventListener("click", () => this.#newCustomer());
    find("#alert button").addEventListener("click", () => find("#alert").close());
    this.#prepareComposer();
    this.#prepareNight();
    this.#showHour();
  }

  /** Open the bot's chat by a deep link: START waits to be pressed. @param {string} payload */
  openWith(payload) {
    this.#payload = payload || this.chat.isEmpty ? payload : null;
    this.#showComposer();
    find("#phone").scrollIntoView({ block: "nearest" });
    find(this.#payload === null ? "#words" : "#start").focus();
  }

  /** The screen has come into view. */
  look() {
    this.chat.look();
  }

  /** @param {...(Node | string)} content */
  toast(...content) {
    const toast = find("#toast");
    toast.replaceChildren(...content);
    toast.classList.add("shown");
    clearTimeout(this.#toasting);
    this.#toasting = setTimeout(() => toast.classList.remove("shown"), TOAST_LASTS * 1000);
  }

  // --- what comes in ----------------------------------------------------------------------------------------------------

  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    if (frame.type === "tapped") this.chat.spin(frame);
    if (frame.type === "event") this.#show(frame.kind, frame.data);
  }

  #welcome({ name, bot, messages, taken }) {
    find("#bot-name").textContent = bot;
    find("#owner").textContent = word("owner", { name });
    this.chat.fill(messages, taken);
    this.#showComposer();
    if (this.#changing) this.toast(word("changed", { name }), " ", h("a", { href: "?fresh" + keptLanguage() }, word("forget")));
    this.#changing = false;
  }

  #show(kind, data) {
    if (kind === "message") this.#setTyping(false);
    if (kind === "message" || kind === "sent") this.chat.add(data, kind === "sent");
    if (kind === "edited") this.chat.edit(data);
    if (kind === "deleted") this.chat.remove(data.message_id);
    if (kind === "taken") this.chat.take(data.message_id);
    if (kind === "action") this.#setTyping(data.action === "typing");
    if (kind === "answer") this.#answer(data);
    this.#showComposer();
  }

  #answer({ callback_query_id, text, show_alert }) {
    this.chat.stopSpinning(callback_query_id);
    if (text && show_alert) {
      find("#alert p").textContent = text;
      find("#alert").showModal();
    } else if (text) this.toast(text);
  }

  #setTyping(is) {
    clearTimeout(this.#typing);
    if (is) this.#typing = setTimeout(() => this.#setTyping(false), TYPING_LASTS * 1000);
    find("#phone").classList.toggle("typing", is);
    this.#showState(is ? "typing" : "bot");
  }

  #setConnected(is) {
    this.#connected = is;
    this.#showState(is ? "bot" : "connecting");
  }

  #showState(name) {
    find("#bot-state").textContent = word(this.#connected ? name : "connecting");
  }

  // --- what goes out ----------------------------------------------------------------------------------------------------

  #start() {
    if (!this.line.send({ type: "start", payload: this.#payload ?? "" })) return;
    this.#payload = null;
    this.#showComposer();
    find("#words").focus();
  }

  #say() {
    const text = find("#words").value.trim();
    if (!text || !this.line.send({ type: "say", text })) return;
    find("#words").value = "";
    this.#fitWords();
  }

  #tap(message, place) {
    this.line.send({ type: "tap", message_id: message, button: place });
  }

  #newCustomer() {
    this.#changing = this.line.send({ type: "new" });
    this.#payload = null;
  }

  // --- the writing line and the lamp -----------------------------------------------------------------------------------

  /** As in Telegram, a new chat and a deep link have a START button where one writes otherwise. */
  #showComposer() {
    const starting = this.#payload !== null || this.chat.isEmpty;
    find("#start").hidden = !starting;
    find("#composer").hidden = starting;
    find("#phone").classList.toggle("attention", this.#payload !== null);
  }

  #prepareComposer() {
    const words = find("#words");
    find("#composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#say();
    });
    words.addEventListener("input", () => this.#fitWords());
    words.addEventListener("keydown", (event) => {
      // Enter also ends a word of Chinese input, which is not yet a message.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
  }

  #fitWords() {
    const words = find("#words");
    words.style.height = "auto";
    words.style.height = `${words.scrollHeight}px`;
    find("#send").disabled = !words.value.trim();
  }

  #showHour() {
    find("#hour").textContent = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    setTimeout(() => this.#showHour(), 10_000);
  }

  #prepareNight() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const isNight = () => (localStorage.getItem(NIGHT) ?? String(dark.matches)) === "true";
    const show = () => {
      find("#phone").dataset.mode = isNight() ? "night" : "day";
      find("#night").setAttribute("aria-pressed", String(isNight()));
    };
    find("#night").addEventListener("click", () => {
      localStorage.setItem(NIGHT, String(!isNight()));
      show();
    });
    dark.addEventListener("change", show);
    show();
  }
}

function keptLanguage() {
  const chosen = new URLSearchParams(location.search).get("lang");
  return chosen ? `&lang=${encodeURIComponent(chosen)}` : "";
}
