/** Not now: it comes back at a time, or when the customer writes. */

import { perform } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { soon } from "../format.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { Field } from "../ui/field.js";
import { words } from "../words/index.js";
import { focusName } from "./after.js";

const HOUR = 3_600_000;
const MORNING = 9;

/** The times that are offered, in the browser's own zone. @param {Date} now @returns {{name: "hour" | "later" | "tomorrow" | "monday", at: Date}[]} */
export function times(now) {
  const morning = (/** @type {number} */ days) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING);
  return [
    { name: "hour", at: new Date(now.getTime() + HOUR) },
    { name: "later", at: new Date(now.getTime() + 3 * HOUR) },
    { name: "tomorrow", at: morning(1) },
    { name: "monday", at: morning((8 - now.getDay()) % 7 || 7) },
  ];
}

/** @param {{id: string}} props */
export function SnoozeDialog({ id }) {
  const w = words.value;
  const [own, setOwn] = useState("");
  const until = async (/** @type {Date} */ at) => {
    hide();
    await perform(id, "snooze", { until: at.toISOString() });
    focusName();
  };
  const isFuture = own !== "" && Date.parse(own) > Date.now();
  return html`
    <${Dialog} title=${w.snooze.title} onSubmit=${() => isFuture && until(new Date(own))}>
      <p class="hint">${w.snooze.hint}</p>
      <div class="choices">
        ${times(new Date()).map(
          ({ name, at }) =>
            html`<button type="button" class="plain" onClick=${() => until(at)}><span>${w.snooze[name]}</span>
            <span class="hint">${soon(at.toISOString())}</span></button>`,
        )}
      </div>
      <${Field} label=${w.snooze.own} type="datetime-local" value=${own} onInput=${setOwn}
        error=${own && !isFuture ? w.snooze.past : ""} />
      <${DialogEnd} label=${w.actions.snooze} disabled=${!isFuture} />
    <//>
  `;
}
