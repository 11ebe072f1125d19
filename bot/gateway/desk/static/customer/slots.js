/** What the bot knows by now: the open form with its slots, each to be changed. */

import { perform } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { readable } from "../format.js";
import { isSupervisor, myId } from "../state/session.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { asTyped, asValue, SlotInput } from "./slot-input.js";

/** @import { Conversation, Slot } from "../types.js" */

/** @param {{one: Conversation}} props */
export function Slots({ one }) {
  const w = words.value;
  const mayEdit = one.agent === myId.value || isSupervisor.value;
  const ofForm = one.slots.filter((slot) => slot.of_form);
  const others = one.slots.filter((slot) => !slot.of_form && slot.value !== null);
  const view = (/** @type {Slot} */ slot) =>
    html`<${SlotView} key=${slot.name} id=${one.id} slot=${slot} mayEdit=${mayEdit}
      isAsked=${one.form?.requested === slot.name} />`;
  return html`
    ${one.form && html`<p class="form-name"><${Icon} name="edit" />${w.formOpen(readable(one.form.name))}</p>`}
    ${ofForm.length > 0 && html`<dl class="slots">${ofForm.map(view)}</dl>`}
    ${others.length > 0 && html`<details class="more-slots"><summary>${w.moreSlots(others.length)}</summary>
    <dl class="slots">${others.map(view)}</dl></details>`}
  `;
}

/** @param {{id: string, slot: Slot, mayEdit: boolean, isAsked: boolean}} props */
function SlotView({ id, slot, mayEdit, isAsked }) {
  const w = words.value;
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const name = readable(slot.name);
  const toButton = (/** @type {any} */ event) =>
    event.currentTarget.closest(".slot")?.querySelector(".slot-edit")?.focus();
  const save = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const value = asValue(slot, typed ?? "");
    const row = event.currentTarget;
    setTyped(null);
    await perform(id, "set_slot", { name: slot.name, value });
    requestAnimationFrame(() => toButton({ currentTarget: row }));
  };
  if (typed !== null) {
    return html`<div class="slot is-edited"><dt class="unseen">${name}</dt><dd>
    <form class="slot-form" onSubmit=${save}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Escape" && (event.stopPropagation(), setTyped(null))}>
      <${SlotInput} slot=${slot} typed=${typed} onInput=${setTyped} />
      <button type="submit" class="plain">${w.save}</button>
      <button type="button" class="quiet" onClick=${() => setTyped(null)}>${w.cancel}</button></form></dd></div>`;
  }
  return html`
    <div class="slot ${isAsked ? "is-asked" : ""}">
      <dt>${name}${isAsked && html` <span class="label">${w.asked}</span>`}</dt>
      <dd>${slot.value === null ? html`<span class="hint">${w.noValue}</span>` : html`<span
        dir="auto">${shown(slot, w)}</span>`}
        ${mayEdit && html`<button type="button" class="quiet square slot-edit" aria-label=${w.changeSlot(name)}
          onClick=${() => setTyped(asTyped(slot))}><${Icon} name="edit" /></button>`}</dd>
    </div>
  `;
}

/** @param {Slot} slot @param {import("../words/index.js").Words} w */
const shown = (slot, w) => (typeof slot.value === "boolean" ? (slot.value ? w.yes : w.no) : asTyped(slot));
