/** A list above the field, walked with the arrows while the focus stays in the field. */

import { html, useLayoutEffect, useState } from "../html.js";
import { useId } from "../ui/field.js";

/**
 * @template T
 * @param {{items: T[], label: string, field: {current: HTMLTextAreaElement | null}, show: (item: T) => any,
 *   onPick: (item: T) => void, onClose: () => void, empty: string}} props
 */
export function Picker({ items, label, field, show, onPick, onClose, empty }) {
  const [at, setAt] = useState(0);
  const id = useId();
  const here = Math.min(at, items.length - 1);
  // At once, not after the next painting: who types quickly presses a key before that.
  useLayoutEffect(() => setAt(0), [items.length]);
  useLayoutEffect(() => {
    const node = field.current;
    node?.setAttribute("aria-controls", id);
    node?.setAttribute("aria-activedescendant", items.length ? `${id}-${here}` : "");
    document.getElementById(`${id}-${here}`)?.scrollIntoView({ block: "nearest" });
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && items.length) setAt((here + step + items.length) % items.length);
      else if ((event.key === "Enter" || event.key === "Tab") && items[here] && !event.isComposing) onPick(items[here]);
      else if (event.key === "Escape") onClose();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    node?.addEventListener("keydown", onKey, true);
    return () => {
      node?.removeEventListener("keydown", onKey, true);
      node?.removeAttribute("aria-controls");
      node?.removeAttribute("aria-activedescendant");
    };
  });
  return html`
    <div class="picker">
      <ul role="listbox" id=${id} aria-label=${label}>
        ${items.map(
          (
            item,
            index,
          ) => html`<li id=${`${id}-${index}`} role="option" aria-selected=${index === here} class="picker-item"
            onMouseDown=${(/** @type {Event} */ event) => event.preventDefault()}
              onClick=${() => onPick(item)}>${show(item)}</li>`,
        )}
      </ul>
      ${!items.length && html`<p class="picker-empty" role="status">${empty}</p>`}
    </div>
  `;
}
