/** Saved replies, found by what is typed after "/", with their placeholders filled by the server. */

import { post } from "../api.js";
import { html } from "../html.js";
import { loadSaved, saved } from "../state/saved.js";
import { words } from "../words/index.js";
import { asDraft } from "./drafts.js";
import { Picker } from "./picker.js";

/** @import { Conversation, SavedReply } from "../types.js" */

const MOST = 8;

/**
 * @param {{one: Conversation, text: string, to: string | number | null, field: any,
 *   onPick: (change: Partial<import("./drafts.js").Draft>) => void, onClose: () => void}} props
 */
export function Quick({ one, text, to, field, onPick, onClose }) {
  const w = words.value;
  loadSaved();
  const wanted = text.slice(1).toLowerCase();
  const language = one.customer.language ?? one.language ?? "";
  const items = matching(saved.value ?? [], wanted, language).slice(0, MOST);
  const pick = async (/** @type {SavedReply} */ reply) => {
    const told = await post(`/conversations/${one.id}/preview`, {
      content: reply.content,
      ...(to !== null && { to }),
    }).catch(() => null);
    onPick(asDraft(told?.content ?? reply.content));
  };
  const show = (
    /** @type {SavedReply} */ reply,
  ) => html`<kbd>/${reply.shortcut}</kbd><span class="picker-title">${reply.title}</span>
    <span class="hint picker-text">${reply.content.text ?? ""}</span><span class="label">${reply.language}</span>`;
  return html`<${Picker} items=${items} label=${w.savedReplies} field=${field} show=${show} onPick=${pick}
    onClose=${onClose} empty=${saved.value ? w.nothingSaved : w.loading} />`;
}

/** Those that match, the customer's language and the beginning of the shortcut first. @param {SavedReply[]} replies @param {string} wanted @param {string} language */
export function matching(replies, wanted, language) {
  const rank = (/** @type {SavedReply} */ reply) =>
    (reply.language.slice(0, 2) === language.slice(0, 2) ? 0 : 2) +
    (reply.shortcut.toLowerCase().startsWith(wanted) ? 0 : 1);
  return replies
    .filter((reply) => `${reply.shortcut} ${reply.title} ${reply.content.text ?? ""}`.toLowerCase().includes(wanted))
    .sort((one, other) => rank(one) - rank(other) || one.shortcut.localeCompare(other.shortcut));
}
