/** What was said, on all channels, oldest first. Older lines are loaded as somebody scrolls up. */

import { classes, computed, html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { day, dayOf } from "../format.js";
import { ChannelMark } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { lines, loadOlder, older, openId, state } from "./current.js";
import { MessageLine, PendingLine } from "./line.js";
import { keyOf, rows } from "./lines.js";
import { NoteLine, SystemLine } from "./notes.js";
import { pending } from "./sending.js";

/** @import { Row } from "./lines.js" */

const NEAR = 80;

const shownRows = computed(() => rows(lines.value, dayOf));
const mine = computed(() => pending.value.filter((one) => one.conversation === openId.value));

export function Transcript() {
  const w = words.value;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [isAtEnd, setAtEnd] = useState(true);
  const stays = useRef({ end: true, height: 0, first: "" });
  const all = lines.value;
  const first = all.length ? keyOf(all[0]) : "";

  // At the end it stays at the end; elsewhere what is read stays where it is, whatever comes above it.
  useLayoutEffect(() => {
    const node = /** @type {HTMLElement} */ (box.current);
    const was = stays.current;
    if (was.end) node.scrollTop = node.scrollHeight;
    else if (was.first && first !== was.first) node.scrollTop += node.scrollHeight - was.height;
    stays.current = { ...was, first, height: node.scrollHeight };
  }, [all, mine.value, state.value]);

  // Pictures grow when they have come, the composer when it is written in.
  useEffect(() => {
    const node = /** @type {HTMLElement} */ (box.current);
    const sizes = new ResizeObserver(() => {
      if (stays.current.end) node.scrollTop = node.scrollHeight;
      stays.current.height = node.scrollHeight;
    });
    sizes.observe(node);
    if (node.firstElementChild) sizes.observe(node.firstElementChild);
    return () => sizes.disconnect();
  }, []);

  const onScroll = (/** @type {Event} */ event) => {
    const node = /** @type {HTMLElement} */ (event.currentTarget);
    const end = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR;
    stays.current.end = end;
    setAtEnd(end);
    if (node.scrollTop < 300) loadOlder();
  };
  const toEnd = () => {
    const node = /** @type {HTMLElement} */ (box.current);
    node.scrollTop = node.scrollHeight;
  };
  return html`
    <div class="transcript-box">
      <div class="transcript" ref=${box} role="log" aria-live="off" aria-label=${w.transcript}
        aria-busy=${state.value === "loading"} tabindex="0" onScroll=${onScroll}>
        <div class="transcript-in">
          ${older.value !== "none" && html`<p class="older">
          <button type="button" class="link"
            onClick=${loadOlder}>${older.value === "loading" ? w.loading : w.older}</button></p>`}
          ${state.value === "loading" && !all.length && html`<div class="skeleton-lines" aria-hidden="true"><i></i><i>
          </i><i></i></div>`}
          ${state.value === "ready" && !all.length && html`<p class="empty">${w.nothingSaid}</p>`}
          ${shownRows.value.map((row) => html`<${Shown} key=${row.key} row=${row} />`)}
          ${mine.value.map((one) => html`<${PendingLine} key=${one.key} one=${one} />`)}
        </div>
      </div>
      ${!isAtEnd && html`<button type="button" class="to-end" onClick=${toEnd}>
      <${Icon} name="down" />${w.toEnd}</button>`}
    </div>
  `;
}

/** @param {{row: Row}} props */
function Shown({ row }) {
  const w = words.value;
  if (row.kind === "day") return html`<h2 class="day"><span>${day(row.at)}</span></h2>`;
  if (row.kind === "channel")
    return html`<p class=${classes("switch")}><span>${w.onChannel} <${ChannelMark} channel=${row.channel} named />
    </span></p>`;
  const { line, first } = row;
  if (line.kind === "note") return html`<${NoteLine} line=${line} />`;
  if (line.kind === "system") return html`<${SystemLine} line=${line} />`;
  return html`<${MessageLine} line=${line} first=${first} />`;
}
