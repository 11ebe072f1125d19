// The apps' icons: tabs of which one is open. https://www.w3.org/WAI/ARIA/apg/patterns/tabs/

import { find } from "../dom.js";
import { word } from "../words.js";

const OPEN = "phone-app";
const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };

export class Tabs {
  #tabs = [...find("#apps").querySelectorAll("[role=tab]")];

  /** @param {(app: string) => void} onOpen */
  constructor(onOpen) {
    this.onOpen = onOpen;
    for (const tab of this.#tabs) {
      tab.addEventListener("click", () => this.open(appOf(tab)));
      tab.addEventListener("keydown", (event) => this.#walk(event, tab));
    }
  }

  /** Open the app that was open before a reload. */
  restore() {
    const kept = this.#tabs.find((tab) => appOf(tab) === sessionStorage.getItem(OPEN));
    this.open(appOf(kept ?? this.#tabs[0]));
  }

  /** @param {string} app */
  open(app) {
    for (const tab of this.#tabs) {
      const is = appOf(tab) === app;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      find(`#${appOf(tab)}`).hidden = !is;
    }
    find("#phone").dataset.app = app;
    sessionStorage.setItem(OPEN, app);
    this.onOpen(app);
  }

  /** @param {string} app @param {number} count */
  setUnread(app, count) {
    const dot = find(`#tab-${app} .dot`);
    dot.hidden = count === 0;
    dot.textContent = String(count);
    dot.setAttribute("aria-label", word("unread", { count }));
  }

  #walk(event, tab) {
    const place = this.#tabs.indexOf(tab) + this.#tabs.length;
    const next = { Home: this.#tabs[0], End: this.#tabs.at(-1) }[event.key]
      ?? (STEPS[event.key] && this.#tabs[(place + STEPS[event.key]) % this.#tabs.length]);
    if (!next) return;
    event.preventDefault();
    this.open(appOf(next));
    next.focus();
  }
}

const appOf = (tab) => tab.getAttribute("aria-controls");
