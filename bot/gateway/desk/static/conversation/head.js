/** Who it is, who has it, who else looks at it, and what can be done. */

import { leave } from "../commands.js";
import { html, useComputed } from "../html.js";
import { duration, soon } from "../format.js";
import { SHORTCUTS } from "../keys.js";
import { secondsSince } from "../state/clock.js";
import { change, device } from "../state/device.js";
import { myId, nameOf, teams } from "../state/session.js";
import { Avatar } from "../ui/avatar.js";
import { Icon } from "../ui/icon.js";
import { Menu } from "../ui/menu.js";
import { words } from "../words/index.js";
import { act, possible } from "./acting.js";
import { typing, viewers } from "./current.js";
import { ACTION_ICONS, busy } from "./doings.js";

/** @import { Conversation } from "../types.js" */

const key = (/** @type {string} */ name) => SHORTCUTS.find((one) => one.name === name)?.keys;

/** @param {{one: Conversation}} props */
export function Head({ one }) {
  const w = words.value;
  const actions = possible();
  const [first, ...others] = actions;
  return html`
    <header class="head">
      <button type="button" class="quiet square head-back" aria-label=${w.backToList} onClick=${leave}>
      <${Icon} name="back" /></button>
      <div class="head-who">
        <h1 id="conversation-name" tabindex="-1">${one.customer.name || w.somebody}</h1>
        <p class="head-state"><${Owner} one=${one} /><${People} /></p>
      </div>
      <div class="head-actions">
        ${first && html`<button type="button" class=${first === "hand_back" ? "plain" : "strong"}
          disabled=${Boolean(busy.value)} onClick=${() => act(first)}>${w.actions[first]}</button>`}
        ${others.map((action) => html`<button key=${action} type="button" class="plain head-other"
          disabled=${Boolean(busy.value)} onClick=${() => act(action)}>${w.actions[action]}</button>`)}
        ${
          others.length > 0 &&
          html`<div class="head-more"><${Menu} label=${w.moreActions} entries=${others.map((action) => ({
            label: w.actions[action],
            icon: ACTION_ICONS[action],
            hint: key(action),
            run: () => act(action),
          }))} /></div>`
        }
        <button type="button" class="quiet square" aria-label=${w.customerPanel} title=${w.customerPanel}
          aria-pressed=${device.value.panel}
          onClick=${() => change({ panel: !device.value.panel })}><${Icon} name="panel" /></button>
      </div>
    </header>
  `;
}

/** @param {{one: Conversation}} props */
function Owner({ one }) {
  const w = words.value;
  const team = one.team === null ? "" : (teams.value.get(one.team)?.name ?? "");
  if (one.state === "bot") return html`<span class="owner"><${Icon} name="bot" />${w.withBot}</span>`;
  if (one.state === "closed") return html`<span class="owner"><${Icon} name="check" />${w.states.closed}</span>`;
  if (one.state === "queued") {
    return html`<span class="owner ${one.late ? "late" : "waits"}"><${Icon} name=${one.late ? "warn" : "clock"} />
        <span class="owner-text">${w.states.queued}${one.queued_at && html` · <${Since} key=${one.queued_at}
        iso=${one.queued_at} />`}${one.late && ` · ${w.late}`}${team && ` · ${team}`}</span></span>
      ${one.why && html`<span class="owner-why">${w.why[one.why] ?? one.why}</span>`}`;
  }
  const who = one.agent === myId.value ? w.withYou : w.withAgent(nameOf(one.agent));
  return html`<span class="owner ${one.agent === myId.value ? "mine" : ""}">
  <${Icon} name=${one.state === "snoozed" ? "clock" : "person"} />
    <span class="owner-text">${who}${one.state === "snoozed" && one.snoozed_until && ` · ${w.until(soon(one.snoozed_until))}`}${team && one.state === "agent" && ` · ${team}`}</span>
    </span>`;
}

/** @param {{iso: string}} props */
const Since = ({ iso }) => useComputed(() => duration(secondsSince(iso))).value;

/** Colleagues who look at it, and who are typing. */
function People() {
  const w = words.value;
  const all = viewers.value.filter((id) => id !== myId.value);
  if (!all.length) return null;
  const busyOnes = typing.value.map(nameOf);
  const text = busyOnes.length ? w.typing(busyOnes.join(", ")) : w.looking(all.map(nameOf).join(", "));
  return html`<span class="people ${busyOnes.length ? "is-typing" : ""}" role="status">
    ${all.slice(0, 3).map((id) => html`<${Avatar} key=${id} name=${nameOf(id)} id=${id} small />`)}<span>${text}</span>
  </span>`;
}
