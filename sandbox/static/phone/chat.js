// The chat's messages on the screen, kept as Telegram says they are.

import { find, h } from "../dom.js";
import { language, word } from "../words.js";
import { bubble, ticks } from "./bubble.js";

/** The apps give up on a tap's answer after a while, too. */
const SPINS_FOR = 15_000;
const NEAR = 60;

export class Chat {
  #log = find("#log");
  #list = find("#messages");
  #down = find("#down");
  /** @type {Map<number, any>} */
  #messages = new Map();
  #taken = new Set();
  #edited = new Set();
  #unread = 0;
  #spinning = new Map();

  /** @param {{tap: (message: number, place: number) => void, unread: (count: number) => void}} on */
  constructor(on) {
    this.on = on;
    this.#log.addEventListener("scroll", () => this.look());
    this.#down.addEventListener("click", () => this.#scrollToEnd());
    document.addEventListener("visibilitychange", () => this.look());
  }

  get isEmpty() {
    return this.#messages.size === 0;
  }

  /** Begin again with what the sandbox has. @param {any[]} messages @param {number[]} taken */
  fill(messages, taken) {
    this.#messages = new Map(messages.map((message) => [message.message_id, message]));
    this.#taken = new Set(taken);
    this.#spinning.clear();
    this.#list.replaceChildren();
    for (const message of messages) this.#append(message);
    this.#showIntroduction();
    this.#setUnread(0);
    this.#scrollToEnd();
  }

  /** @param {any} message @param {boolean} own */
  add(message, own) {
    const following = own || this.#isLooking();
    this.#messages.set(message.message_id, message);
    this.#append(message);
    this.#showIntroduction();
    if (following) this.#scrollToEnd();
    else this.#setUnread(this.#unread + 1);
  }

  /** @param {any} message */
  edit(message) {
    const before = this.#messages.get(message.message_id);
    if (before?.text !== message.text || before?.caption !== message.caption) this.#edited.add(message.message_id);
    this.#messages.set(message.message_id, message);
    this.#row(message.message_id)?.replaceWith(this.#bubble(message));
  }

  /** @param {number} id */
  remove(id) {
    this.#messages.delete(id);
    this.#row(id)?.remove();
  }

  /** @param {number} id */
  take(id) {
    this.#taken.add(id);
    this.#row(id)?.querySelector(".ticks")?.replaceWith(ticks(true));
  }

  /** A button waits for its answer. */
  spin({ message_id, button, callback_query_id }) {
    const key = this.#row(message_id)?.querySelector(`[data-place="${button}"]`);
    key?.setAttribute("aria-busy", "true");
    this.#spinning.set(callback_query_id, key);
    setTimeout(() => this.stopSpinning(callback_query_id), SPINS_FOR);
  }

  /** @param {string} query */
  stopSpinning(query) {
    this.#spinning.get(query)?.removeAttribute("aria-busy");
    this.#spinning.delete(query);
  }

  /** What can be seen has been read. */
  look() {
    const near = this.#isNearEnd();
    if (near && this.#isLooking()) this.#setUnread(0);
    this.#down.hidden = near && this.#unread === 0;
  }

  #append(message) {
    const day = new Date(message.date * 1000).toDateString();
    if (day !== this.#list.dataset.day || !this.#list.children.length) this.#list.append(dayLine(message));
    this.#list.dataset.day = day;
    this.#list.append(this.#bubble(message));
  }

  #bubble(message) {
    const id = message.message_id;
    return bubble(message, {
      own: !message.from.is_bot,
      taken: this.#taken.has(id),
      edited: this.#edited.has(id),
      tap: (place) => this.on.tap(id, place),
    });
  }

  #row(id) {
    return this.#list.querySelector(`[data-message="${id}"]`);
  }

  #showIntroduction() {
    find("#introduction").hidden = !this.isEmpty;
  }

  #isLooking() {
    return this.#isNearEnd() && this.#log.checkVisibility() && document.visibilityState === "visible";
  }

  #isNearEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    // A picture that is not there yet has no height before it is.
    for (const image of this.#list.querySelectorAll("img")) {
      if (!image.complete) image.addEventListener("load", () => (this.#log.scrollTop = this.#log.scrollHeight), { once: true });
    }
    this.look();
  }

  #setUnread(count) {
    this.#unread = count;
    find("#down-count").textContent = count ? String(count) : "";
    this.#down.hidden = this.#isNearEnd() && count === 0;
    this.on.unread(count);
  }
}

function dayLine(message) {
  const at = new Date(message.date * 1000);
  const today = at.toDateString() === new Date().toDateString();
  const locale = language === "zh" ? "zh-CN" : "en-SG";
  return h("p", { class: "day" }, today ? word("today") : at.toLocaleDateString(locale, { day: "numeric", month: "long" }));
}
