/** What is being written, for each conversation, kept through reloads and log-outs that nobody asked for. */

import { signal } from "../html.js";
import { myId } from "../state/session.js";

/** @import { Card, Content } from "../types.js" */
/**
 * @typedef {{mode: "reply" | "note", text: string, note: string, options: string[], cards: Card[],
 *   file: {url: string, name: string, picture: boolean} | null, to: string | number | null, whisper: boolean}} Draft
 */

/** @type {Draft} */
export const BLANK = {
  mode: "reply",
  text: "",
  note: "",
  options: [],
  cards: [],
  file: null,
  to: null,
  whisper: false,
};

/** Counts up at each change from outside the field. */
export const drafts = signal(/** @type {Record<string, Draft>} */ ({}));

/** @param {string} conversation */
const keyOf = (conversation) => `desk.draft.${myId.peek()}.${conversation}`;

/** @param {string} conversation @returns {Draft} */
export function draftOf(conversation) {
  return drafts.value[conversation] ?? kept(conversation);
}

/** @param {string} conversation @returns {Draft} */
function kept(conversation) {
  try {
    return { ...BLANK, ...JSON.parse(sessionStorage.getItem(keyOf(conversation)) ?? "{}") };
  } catch {
    return BLANK;
  }
}

/** @param {string} conversation @param {Partial<Draft>} change */
export function redraft(conversation, change) {
  const draft = { ...(drafts.peek()[conversation] ?? kept(conversation)), ...change };
  drafts.value = { ...drafts.peek(), [conversation]: draft };
  try {
    if (isBlank(draft)) sessionStorage.removeItem(keyOf(conversation));
    else sessionStorage.setItem(keyOf(conversation), JSON.stringify(draft));
  } catch {
    // A full or forbidden storage: the draft lasts as long as the page.
  }
}

/** @param {Draft} draft */
const isBlank = (draft) => !draft.text && !draft.note && isEmpty(draft);

/** Whether there is nothing to send to the customer. @param {Draft} draft */
export const isEmpty = (draft) => !draft.text.trim() && !draft.options.length && !draft.cards.length && !draft.file;

/** Whether something is being written there. @param {string} conversation */
export const isDrafted = (conversation) => !isEmpty(draftOf(conversation)) || draftOf(conversation).note.trim() !== "";

/** @param {Draft} draft @returns {Content} */
export function contentOf(draft) {
  const { text, options, cards, file } = draft;
  return {
    ...(text.trim() && { text: text.trim() }),
    ...(options.length && { options: options.map((title) => ({ title, payload: title })) }),
    ...(cards.length && { cards }),
    ...(file && (file.picture ? { image: file.url } : { file: { url: file.url, name: file.name } })),
  };
}

/** A content that came from elsewhere, a saved reply say, as a draft. @param {Content} content @returns {Partial<Draft>} */
export function asDraft(content) {
  const url = content.image ?? content.file?.url;
  return {
    mode: "reply",
    text: content.text ?? "",
    options: (content.options ?? []).map((option) => option.title),
    cards: content.cards ?? [],
    file: url ? { url, name: content.file?.name ?? url, picture: Boolean(content.image) } : null,
  };
}

/** Forget what was loaded, for whoever logs in next. */
export function clear() {
  drafts.value = {};
}
