/** Colleagues, found by what is typed after "@". */

import { html } from "../html.js";
import { agents, myId } from "../state/session.js";
import { Avatar } from "../ui/avatar.js";
import { words } from "../words/index.js";
import { Picker } from "./picker.js";

/** @import { Agent } from "../types.js" */

const BEGUN = /@([^\s@]*)$/u;

/** @param {{text: string, field: any, onPick: (text: string) => void, onClose: () => void}} props */
export function Mentions({ text, field, onPick, onClose }) {
  const end = field.current?.selectionStart ?? text.length;
  const before = text.slice(0, end);
  const wanted = (BEGUN.exec(before)?.[1] ?? "").toLowerCase();
  const items = [...agents.value.values()]
    .filter((agent) => agent.id !== myId.value && agent.name.toLowerCase().includes(wanted))
    .slice(0, 8);
  const pick = (/** @type {Agent} */ agent) => onPick(`${before.replace(BEGUN, `@${agent.name} `)}${text.slice(end)}`);
  const show = (/** @type {Agent} */ agent) =>
    html`<${Avatar} name=${agent.name} id=${agent.id} small /><span class="picker-title">${agent.name}</span>`;
  return html`<${Picker} items=${items} label=${words.value.colleagues} field=${field} show=${show} onPick=${pick}
    onClose=${onClose} empty=${words.value.nobody} />`;
}

/** Who is mentioned: their ids. @param {string} text @param {Agent[]} colleagues */
export const mentioned = (text, colleagues) =>
  colleagues.filter((agent) => text.includes(`@${agent.name}`)).map((agent) => agent.id);
