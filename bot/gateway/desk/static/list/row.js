/** One conversation in the list. */

import { classes, html, useComputed } from "../html.js";
import { isDrafted } from "../composer/drafts.js";
import { brief, duration, soon } from "../format.js";
import { secondsSince } from "../state/clock.js";
import { nameOf } from "../state/session.js";
import { Avatar } from "../ui/avatar.js";
import { ChannelMark } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";

/** @import { Item } from "../types.js" */

/** @param {{item: Item, href: string, isOpen: boolean, isAt: boolean, view: string}} props `isAt`: the keyboard is here. */
export function Row({ item, href, isOpen, isAt, view }) {
  const w = words.value;
  const name = item.customer.name || w.somebody;
  const drafted = useComputed(() => isDrafted(item.id)).value;
  return html`
    <a id="row-${item.id}"
      class=${classes("row", isOpen && "is-open", item.unread > 0 && "is-unread", item.late && "is-late")}
      href=${href} tabindex=${isAt ? 0 : -1} aria-current=${isOpen ? "true" : null}>
      <${Avatar} name=${item.customer.name ?? ""} id=${item.customer.id} />
      <span class="row-top">
        <span class="row-name">${name}</span>
        <span class="row-channels">${item.channels.slice(0, 3).map((channel) => html`<${ChannelMark} key=${channel}
          channel=${channel} />`)}</span>
        <span class="row-time">${item.last && html`<time datetime=${item.last.at}>${brief(item.last.at)}</time>`}</span>
      </span>
      <span class="row-text">
        ${drafted && html`<span class="row-draft">${w.draft}</span> `}
        ${item.last && item.last.author !== "customer" && html`<span
          class="row-who">${item.last.author === "bot" ? w.bot : w.us}: </span>`}
        ${item.last?.text || w.somethingSent}
      </span>
      ${item.unread > 0 && html`<span class="count unread">
      <span aria-hidden="true">${item.unread > 99 ? "99+" : item.unread}</span>
      <span class="unseen">${w.unread(item.unread)}</span></span>`}
      <span class="row-marks">
        ${item.priority > 0 && html`<span class="mark first">${w.priority}</span>`}
        <${State} item=${item} view=${view} />
        ${item.labels.slice(0, 2).map((label) => html`<span class="label" key=${label}>${label}</span>`)}
        ${item.labels.length > 2 && html`<span class="label">+${item.labels.length - 2}</span>`}
      </span>
    </a>
  `;
}

/** What matters of it now: how long somebody waits, and who has it. @param {{item: Item, view: string}} props */
function State({ item, view }) {
  const w = words.value;
  if (item.state === "queued" && item.queued_at)
    return html`<${Waiting} key=${item.queued_at} since=${item.queued_at} isLate=${item.late}
      leftMessage=${item.left_message} />`;
  if (item.state === "snoozed" && item.snoozed_until)
    return html`<span class="mark"><${Icon} name="clock" />${w.until(soon(item.snoozed_until))}</span>`;
  if (item.state === "bot") return html`<span class="mark"><${Icon} name="bot" />${w.withBot}</span>`;
  if (item.state === "closed") return html`<span class="mark"><${Icon} name="check" />${w.states.closed}</span>`;
  const answers =
    item.last?.author === "customer" &&
    html`<${Waiting} key=${item.last.at} since=${item.last.at} isLate=${item.late} />`;
  if (view === "mine") return answers || (item.answered_at && html`<span class="mark">${w.answered}</span>`);
  return html`<span class="mark"><${Icon} name="person" />${nameOf(item.agent)}</span>${answers}`;
}

/** @param {{since: string, isLate: boolean, leftMessage?: boolean}} props */
function Waiting({ since, isLate, leftMessage = false }) {
  const w = words.value;
  // Drawn anew when the words change, not with every second.
  const time = useComputed(() => duration(secondsSince(since))).value;
  return html`<span class=${classes("mark waiting", isLate && "late")}>
    <${Icon} name=${isLate ? "warn" : "clock"} />${leftMessage ? w.leftMessage : w.waiting(time)}${isLate && html`<span
      class="unseen">, ${w.late}</span>`}
  </span>`;
}
