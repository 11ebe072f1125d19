// A chat's messages on the screen, kept in their order; how one looks is the app's business.

import { h } from "../dom.js";
import { language, word } from "../words.js";

const NEAR = 60;

export class Chat {
  #log;
  #list;
  #down;
  /** @type {Map<string, any>} */
  #messages = new Map();
  #unread = 0;

  /**
   * @param {HTMLElement} root
   * @param {{id: (message: any) => string | number, at: (message: any) => Date, draw: (message: any) => HTMLElement,
   *   onUnread: (count: number) => void, onLook?: () => void}} app `draw` makes a message's row; `onLook` hears that the
   *   newest messages have been seen
   */
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.#log = root.querySelector(".log");
    this.#list = root.querySelector(".messages");
    this.#down = root.querySelector(".down");
    this.#log.addEventListener("scroll", () => this.look());
    this.#down.addEventListener("click", () => this.showEnd());
    document.addEventListener("visibilitychange", () => this.look());
  }

  get isEmpty() {
    return this.#messages.size === 0;
  }

  /** @param {string | number} id */
  message(id) {
    return this.#messages.get(String(id));
  }

  /** @param {(message: any) => boolean} is */
  newest(is) {
    return [...this.#messages.values()].findLast(is);
  }

  /** Begin again with what the sandbox has. @param {any[]} messages */
  fill(messages) {
    this.#messages = new Map(messages.map((message) => [this.#id(message), message]));
    this.#list.replaceChildren();
    for (const message of messages) this.#append(message);
    this.#showIntroduction();
    this.#setUnread(0);
    this.showEnd();
  }

  /** @param {any} message @param {boolean} own */
  add(message, own) {
    const following = this.#log.checkVisibility() && (own || this.#isLooking());
    this.#messages.set(this.#id(message), message);
    this.#append(message);
    this.#showIntroduction();
    if (following) this.showEnd();
    else if (!own) this.#setUnread(this.#unread + 1);
  }

  /** @param {any} message */
  edit(message) {
    this.#messages.set(this.#id(message), message);
    this.redraw(message);
  }

  /** @param {any} message */
  redraw(message) {
    this.change(() => this.row(this.#id(message))?.replaceWith(this.#draw(message)));
  }

  /** Change something that is shown; who sees the end goes on seeing it. @param {() => void} make */
  change(make) {
    const following = this.#isLooking();
    make();
    if (following) this.showEnd();
  }

  /** @param {string | number} id */
  remove(id) {
    this.#messages.delete(String(id));
    this.row(id)?.remove();
    this.#showIntroduction();
  }

  /** @param {string | number} id @returns {HTMLElement | undefined} */
  row(id) {
    return [...this.#list.children].find((row) => row.dataset.message === String(id));
  }

  /** What can be seen has been read. */
  look() {
    const near = this.#isNearEnd();
    if (near && this.#isLooking()) {
      this.#setUnread(0);
      this.app.onLook?.();
    }
    this.#down.hidden = near && this.#unread === 0;
  }

  showEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    // A picture that is not there yet has no height before it is.
    for (const image of this.#list.querySelectorAll("img")) {
      if (!image.complete) image.addEventListener("load", () => (this.#log.scrollTop = this.#log.scrollHeight), { once: true });
    }
    this.look();
  }

  #id(message) {
    return String(this.app.id(message));
  }

  #append(message) {
    const day = this.app.at(message).toDateString();
    if (day !== this.#list.dataset.day || !this.#list.children.length) this.#list.append(dayLine(this.app.at(message)));
    this.#list.dataset.day = day;
    this.#list.append(this.#draw(message));
  }

  #draw(message) {
    const row = this.app.draw(message);
    row.dataset.message = this.#id(message);
    return row;
  }

  #showIntroduction() {
    this.root.querySelector(".introduction").hidden = !this.isEmpty;
  }

  #isLooking() {
    return this.#isNearEnd() && this.#log.checkVisibility({ visibilityProperty: true }) && document.visibilityState === "visible";
  }

  #isNearEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  #setUnread(count) {
    this.#unread = count;
    this.#down.querySelector(".down-count").textContent = count ? String(count) : "";
    this.#down.hidden = this.#isNearEnd() && count === 0;
    this.app.onUnread(count);
  }
}

function dayLine(at) {
  const today = at.toDateString() === new Date().toDateString();
  const locale = language === "zh" ? "zh-CN" : "en-SG";
  return h("p", { class: "day" }, today ? word("today") : at.toLocaleDateString(locale, { day: "numeric", month: "long" }));
}

/** The time under a message. @param {Date} at */
export function clock(at) {
  const locale = language === "zh" ? "zh-CN" : "en-SG";
  const shown = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
  return h("time", { datetime: at.toISOString() }, shown);
}
