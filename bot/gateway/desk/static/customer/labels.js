/** A conversation's labels: put on, taken off, found again. */

import { ApiError, post } from "../api.js";
import { conversation } from "../conversation/current.js";
import { refusal } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { filter, list } from "../list/conversations.js";
import { notice } from "../state/notices.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";

/** @import { Conversation } from "../types.js" */

const LONGEST = 64;

/** @param {{one: Conversation}} props */
export function Labels({ one }) {
  const w = words.value;
  const [typed, setTyped] = useState("");
  const known = [...new Set(list.value.items.slice(0, 300).flatMap((item) => item.labels))]
    .filter((label) => !one.labels.includes(label))
    .slice(0, 20);
  const add = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const label = typed.trim();
    setTyped("");
    if (label && !one.labels.includes(label)) change(one, [...one.labels, label], { add: [label] });
  };
  const remove = (/** @type {string} */ label) => {
    change(
      one,
      one.labels.filter((other) => other !== label),
      { remove: [label] },
    );
    requestAnimationFrame(() => document.getElementById("new-label")?.focus());
  };
  return html`
    <div class="labels">
      ${one.labels.map(
        (label) => html`<span class="label with-buttons" key=${label}>
          <button type="button" class="label-find" aria-label=${w.findLabel(label)}
            onClick=${() => filter({ label })}>${label}</button>
          <button type="button" class="label-off" aria-label=${w.takeOff(label)} onClick=${() => remove(label)}>
          <${Icon} name="close" /></button></span>`,
      )}
      <form class="label-form" onSubmit=${add}>
        <input id="new-label" type="text" list="known-labels" maxlength=${LONGEST} value=${typed}
          placeholder=${w.addLabel} aria-label=${w.addLabel}
          onInput=${(/** @type {any} */ event) => setTyped(event.target.value)} />
        <datalist id="known-labels">${known.map((label) => html`<option value=${label}></option>`)}</datalist>
      </form>
    </div>
  `;
}

/** Shown at once, and taken back if it is refused. @param {Conversation} one @param {string[]} labels @param {{add?: string[], remove?: string[]}} asked */
async function change(one, labels, asked) {
  const show = (/** @type {string[]} */ shown) => {
    const now = conversation.peek();
    if (now?.id === one.id) conversation.value = { ...now, labels: shown };
  };
  show(labels);
  try {
    await post(`/conversations/${one.id}/labels`, asked);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    show(one.labels);
    notice(refusal(error), "bad");
  }
}
