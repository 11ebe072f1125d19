// The paper clip beside the writing line: things to send that are no words. What they are is the sandbox's business.

import { drawing, h } from "../../dom.js";
import { word } from "../../words.js";

/** What can be sent, and its drawing. */
const KINDS = { photo: "picture", document: "file", location: "pin", voice: "voice" };

/** @param {(kind: string) => void} send @param {string[]} [kinds] those that the app has @returns {HTMLElement} */
export function attachments(send, kinds = Object.keys(KINDS)) {
  const items = kinds.map((kind) => [kind, KINDS[kind]]).map(([kind, name]) => {
    const pick = () => {
      show(false);
      send(kind);
    };
    return h("button", { type: "button", class: `attach-${kind}`, onclick: pick }, drawing(name), word(kind));
  });
  const menu = h("div", { class: "attach-menu", hidden: true }, ...items);
  const clip = h(
    "button",
    { type: "button", class: "clip", "aria-label": word("attach"), title: word("attach"), "aria-expanded": "false", onclick: () => show(menu.hidden) },
    drawing("attach"),
  );
  const box = h("div", { class: "attach-box" }, clip, menu);

  /** @param {boolean} is */
  function show(is) {
    const within = menu.contains(document.activeElement);
    menu.hidden = !is;
    clip.setAttribute("aria-expanded", String(is));
    if (is) items[0].focus();
    else if (within) clip.focus();
  }

  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show(false);
  });
  document.addEventListener("click", (event) => {
    if (!menu.hidden && !box.contains(/** @type {Node} */ (event.target))) show(false);
  });
  return box;
}
