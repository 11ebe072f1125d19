/** Before what is not easily undone. */

import { html } from "../html.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";

/** @param {{title: string, text: string, label: string, then: () => void}} props */
export function Confirm({ title, text, label, then }) {
  const submit = () => {
    hide();
    then();
  };
  return html`<${Dialog} title=${title} onSubmit=${submit}><p>${text}</p><${DialogEnd} label=${label} danger /><//>`;
}
