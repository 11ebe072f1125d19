// The phone: its apps, its line to the sandbox, and who holds it.

import { find, h } from "../dom.js";
import { word } from "../words.js";
import { Line } from "./line.js";
import { Tabs } from "./tabs.js";
import { Teams } from "./teams/teams.js";
import { Telegram } from "./telegram/telegram.js";
import { WhatsApp } from "./whatsapp/whatsapp.js";

const APPS = { telegram: Telegram, whatsapp: WhatsApp, teams: Teams };
const TOAST_LASTS = 6;
const NIGHT = "phone-night";

export class Phone {
  #toasting = 0;
  #changing = false;
  #unread = {};

  /** @param {{onUnread: (count: number) => void, onScan: () => void}} on */
  constructor({ onUnread, onScan }) {
    this.onUnread = onUnread;
    this.tabs = new Tabs((app) => this.#opened(app));
    this.apps = Object.fromEntries(Object.entries(APPS).map(([name, App]) => [name, this.#install(name, App)]));
    this.tabs.restore();
    this.line = new Line({ frame: (frame) => this.#take(frame), connected: (is) => this.#setConnected(is) });
    for (const button of document.querySelectorAll("#phone .scan")) button.addEventListener("click", onScan);
    find("#new-customer").addEventListener("click", () => (this.#changing = this.line.send({ type: "new" })));
    find("#alert button").addEventListener("click", () => find("#alert").close());
    this.#prepareNight();
    this.#showHour();
  }

  /** Open an app as a link does. @param {NonNullable<ReturnType<typeof import("../links.js").destination>>} where */
  open(where) {
    this.tabs.open(where.app);
    find("#phone").scrollIntoView({ block: "nearest" });
    this.apps[where.app].open(where);
  }

  /** The screen has come into view. */
  look() {
    for (const app of Object.values(this.apps)) app.chat.look();
  }

  /** @param {...(Node | string)} content */
  toast(...content) {
    const toast = find("#toast");
    toast.replaceChildren(...content);
    toast.classList.add("shown");
    clearTimeout(this.#toasting);
    this.#toasting = setTimeout(() => toast.classList.remove("shown"), TOAST_LASTS * 1000);
  }

  #install(name, App) {
    return new App({
      send: (frame) => this.line.send({ app: name, ...frame }),
      onUnread: (count) => this.#setUnread(name, count),
      toast: (text) => this.toast(text),
    });
  }

  #opened(app) {
    this.apps?.[app].chat.showEnd();
  }

  #take(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else this.apps[frame.app].take(frame);
  }

  #welcome({ name, apps }) {
    find("#owner").textContent = word("owner", { name });
    for (const [app, state] of Object.entries(apps)) this.apps[app].fill(state);
    if (this.#changing) this.toast(word("changed", { name }), " ", h("a", { href: "?fresh" + keptLanguage() }, word("forget")));
    this.#changing = false;
  }

  #setConnected(is) {
    for (const app of Object.values(this.apps)) app.setConnected(is);
  }

  #setUnread(app, count) {
    this.#unread[app] = count;
    this.tabs.setUnread(app, count);
    this.onUnread(Object.values(this.#unread).reduce((sum, one) => sum + one, 0));
  }

  #showHour() {
    find("#hour").textContent = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    setTimeout(() => this.#showHour(), 10_000);
  }

  #prepareNight() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const isNight = () => (localStorage.getItem(NIGHT) ?? String(dark.matches)) === "true";
    const buttons = document.querySelectorAll("#phone .night");
    const show = () => {
      find("#phone").dataset.mode = isNight() ? "night" : "day";
      for (const button of buttons) button.setAttribute("aria-pressed", String(isNight()));
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        localStorage.setItem(NIGHT, String(!isNight()));
        show();
      });
    }
    dark.addEventListener("change", show);
    show();
  }
}

function keptLanguage() {
  const chosen = new URLSearchParams(location.search).get("lang");
  return chosen ? `&lang=${encodeURIComponent(chosen)}` : "";
}
