/** A button that opens a menu: arrows, Home, End, Esc, and the focus back where it was. */

import { html, useLayoutEffect, useRef, useState } from "../html.js";
import { Icon } from "./icon.js";

/** @typedef {{label: string, icon?: string, hint?: string, danger?: boolean, checked?: boolean, run: () => void}} Entry */

/** @param {{label: string, entries: Entry[], icon?: string, children?: any, class?: string, up?: boolean}} props */
export function Menu({ label, entries, icon = "more", children, class: more = "quiet square", up = false }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const button = () => /** @type {HTMLElement} */ (box.current?.querySelector("button"));
  const items = () => /** @type {HTMLElement[]} */ ([...(box.current?.querySelectorAll("[role^=menuitem]") ?? [])]);

  // Before the next key can come.
  useLayoutEffect(() => {
    if (!isOpen) return;
    items()[0]?.focus();
    const outside = (/** @type {Event} */ event) => {
      if (!box.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [isOpen]);

  const walk = (/** @type {KeyboardEvent} */ event) => {
    const all = items();
    const here = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const there = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      if (event.key === "Escape") event.preventDefault();
      event.stopPropagation();
      setOpen(false);
      button().focus();
    } else if (there !== undefined) {
      event.preventDefault();
      all[(there + all.length) % all.length]?.focus();
    }
  };
  const choose = (/** @type {Entry} */ entry) => {
    setOpen(false);
    button().focus();
    entry.run();
  };
  return html`
    <div class="menu-box" ref=${box}>
      <button type="button" class=${more} aria-haspopup="menu" aria-expanded=${isOpen}
        aria-label=${children ? null : label}
        title=${children ? null : label} onClick=${() => setOpen(!isOpen)}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "ArrowDown" && (event.preventDefault(), setOpen(true))}>
        ${children ?? html`<${Icon} name=${icon} />`}
      </button>
      ${
        isOpen &&
        html`<div class="menu ${up ? "up" : ""}" role="menu" aria-label=${label} onKeyDown=${walk}>
        ${entries.map(
          (entry) => html`
            <button type="button" role=${entry.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked=${entry.checked}
              tabindex="-1" class=${entry.danger ? "menu-item danger" : "menu-item"} onClick=${() => choose(entry)}>
              ${entry.icon && html`<${Icon} name=${entry.icon} />`}
              <span>${entry.label}</span>
              ${entry.hint && html`<kbd>${entry.hint}</kbd>`}
            </button>
          `,
        )}
      </div>`
      }
    </div>
  `;
}
