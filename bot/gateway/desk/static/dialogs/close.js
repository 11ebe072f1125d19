/** Done: why, and whether the customer is asked how it was. */

import { perform } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { me } from "../state/session.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { Check, Field, Select } from "../ui/field.js";
import { words } from "../words/index.js";
import { focusName } from "./after.js";

const REASONS = ["settled", "no_answer", "passed_on", "duplicate", "spam", "other"];

/** @param {{id: string}} props */
export function CloseDialog({ id }) {
  const w = words.value;
  const [reason, setReason] = useState("settled");
  const [own, setOwn] = useState("");
  const mayAsk = Boolean(me.value?.settings.rating);
  const [asks, setAsks] = useState(mayAsk);
  const isSettled = reason === "settled" || reason === "other" || reason === "passed_on";
  const submit = async () => {
    hide();
    await perform(id, "close", {
      reason: reason === "other" && own.trim() ? own.trim() : reason,
      ask_rating: mayAsk && asks && isSettled,
    });
    focusName();
  };
  return html`
    <${Dialog} title=${w.close.title} onSubmit=${submit}>
      <${Select} label=${w.close.reason} value=${reason}
        options=${REASONS.map((value) => ({ value, label: w.reasons[value] }))} onInput=${setReason} />
      ${reason === "other" && html`<${Field} label=${w.close.own} value=${own} maxlength="64" onInput=${setOwn} />`}
      ${mayAsk && html`<${Check} label=${w.close.ask} hint=${w.close.askHint} checked=${asks && isSettled}
        disabled=${!isSettled} onInput=${setAsks} />`}
      <${DialogEnd} label=${w.actions.close} />
    <//>
  `;
}
