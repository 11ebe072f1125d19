// The sheet with a list's rows, which comes up from below.

import { h } from "../../dom.js";
import { word } from "../../words.js";

export class Sheet {
  #opener = null;

  /** @param {HTMLElement} root the app's screen */
  constructor(root) {
    this.root = root;
    this.dialog = h("dialog", { class: "sheet" });
    this.curtain = h("div", { class: "curtain", hidden: true, onclick: () => this.close() });
    this.dialog.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    root.append(this.curtain, this.dialog);
  }

  /** @param {any} message @param {HTMLElement} opener @param {(place: number) => void} choose */
  open({ interactive }, opener, choose) {
    const { button, sections } = interactive.action;
    this.#opener = opener;
    let place = 0;
    const lists = sections.map(({ title, rows }) => section(title, rows.map((row) => this.#row(row, place++, choose))));
    const close = h("button", { type: "button", class: "close", "aria-label": word("close"), onclick: () => this.close() }, "×");
    this.dialog.setAttribute("aria-label", button);
    this.dialog.replaceChildren(h("div", { class: "sheet-top" }, close, h("h2", {}, button)), h("div", { class: "sheet-rows" }, ...lists));
    this.#cover(true);
    this.dialog.show();
    this.dialog.querySelector("li button").focus();
  }

  close() {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.#cover(false);
    this.#opener?.focus();
  }

  #row({ title, description }, place, choose) {
    const chosen = () => {
      this.close();
      choose(place);
    };
    const shown = h("span", {}, title, ...(description ? [h("small", {}, description)] : []));
    return h("li", {}, h("button", { type: "button", onclick: chosen }, shown));
  }

  /** Nothing behind the sheet can be reached while it is open. */
  #cover(is) {
    this.curtain.hidden = !is;
    for (const part of this.root.querySelectorAll(".top, .log, .composer, .down")) part.inert = is;
  }
}

function section(title, rows) {
  return h("div", {}, ...(title ? [h("h3", {}, title)] : []), h("ul", { role: "list" }, ...rows));
}
