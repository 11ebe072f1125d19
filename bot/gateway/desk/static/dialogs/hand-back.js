/** Back to the bot, and telling it what was settled meanwhile. */

import { conversation } from "../conversation/current.js";
import { perform } from "../conversation/doings.js";
import { asTyped, SlotInput, asValue } from "../customer/slot-input.js";
import { html, useState } from "../html.js";
import { readable } from "../format.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { words } from "../words/index.js";
import { focusName } from "./after.js";

/** @import { Slot } from "../types.js" */

/** @param {{id: string}} props */
export function HandBackDialog({ id }) {
  const w = words.value;
  const [typed, setTyped] = useState(/** @type {Record<string, string>} */ ({}));
  const one = conversation.value;
  const slots = one?.slots ?? [];
  const ofForm = slots.filter((slot) => slot.of_form);
  const others = slots.filter((slot) => !slot.of_form);
  const submit = async () => {
    const changed = slots.filter((slot) => slot.name in typed && typed[slot.name] !== asTyped(slot));
    const settled = Object.fromEntries(changed.map((slot) => [slot.name, asValue(slot, typed[slot.name])]));
    hide();
    await perform(id, "hand_back", changed.length ? { slots: settled } : {});
    focusName();
  };
  const field = (
    /** @type {Slot} */ slot,
  ) => html`<${SlotInput} key=${slot.name} slot=${slot} typed=${typed[slot.name] ?? asTyped(slot)}
    onInput=${(/** @type {string} */ value) => setTyped({ ...typed, [slot.name]: value })} />`;
  return html`
    <${Dialog} title=${w.handBack.title} onSubmit=${submit}>
      <p>${one?.form ? w.handBack.withForm(readable(one.form.name)) : w.handBack.withoutForm}</p>
      ${ofForm.length > 0 && html`<fieldset class="settled">
      <legend>${w.handBack.settled}</legend>${ofForm.map(field)}</fieldset>`}
      ${others.length > 0 && html`<details class="settled" open=${!ofForm.length}>
      <summary>${w.handBack.others}</summary>${others.map(field)}</details>`}
      <${DialogEnd} label=${w.actions.hand_back} />
    <//>
  `;
}
