/** A list of any length of which only what is seen is on the page. */

import { html, useLayoutEffect, useRef, useState } from "../html.js";

const SPARE = 6;

/**
 * Rows of one height. The row that the keyboard stands on stays on the page however far it is scrolled away, so that
 * the focus is never lost.
 *
 * @param {{count: number, loaded: number, height: number, at: number, label: string, busy: boolean,
 *   row: (index: number) => any, name: (index: number) => string, near: (last: number) => void}} props
 *   `loaded`: how many of them there are already. `at`: index of the row that the keyboard stands on, or -1. `near`: told the last row that is seen.
 */
export function VirtualList({ count, loaded, height, at, label, busy, row, name, near }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [seen, setSeen] = useState({ first: 0, last: 20 });
  const look = () => {
    const node = box.current;
    if (!node) return;
    const first = Math.max(0, Math.floor(node.scrollTop / height) - SPARE);
    const last = Math.ceil((node.scrollTop + node.clientHeight) / height) + SPARE;
    setSeen((old) => (old.first === first && old.last === last ? old : { first, last }));
  };
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(look);
    sizes.observe(/** @type {HTMLElement} */ (box.current));
    look();
    return () => sizes.disconnect();
  }, [height]);
  useLayoutEffect(() => near(seen.last), [seen.last, count, loaded]);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node || at < 0) return;
    if (at * height < node.scrollTop) node.scrollTop = at * height;
    const bottom = (at + 1) * height - node.clientHeight;
    if (bottom > node.scrollTop) node.scrollTop = bottom;
  }, [at, height]);

  const shown = [];
  for (let index = seen.first; index < Math.min(count, seen.last); index += 1) shown.push(index);
  if (at >= 0 && at < count && !shown.includes(at)) shown.push(at);
  return html`
    <div class="virtual" ref=${box} onScroll=${look} tabindex="-1">
      <ul class="virtual-all" style=${{ height: `${count * height}px` }} aria-label=${label} aria-busy=${busy}>
        ${shown.map(
          (index) => html`
            <li
              key=${name(index)}
              class="virtual-row"
              style=${{ height: `${height}px`, transform: `translateY(${index * height}px)` }}
              aria-setsize=${count}
              aria-posinset=${index + 1}
            >
              ${row(index)}
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}
