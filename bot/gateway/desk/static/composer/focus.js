/** Reaching the composer from elsewhere: by a key, after taking a conversation, with a suggestion. */

import { conversation } from "../conversation/current.js";
import { asDraft, draftOf, redraft } from "./drafts.js";

/** @import { Suggestion } from "../types.js" */

/** What is being written: a reply or a note; null without a conversation. */
export const composerMode = () =>
  conversation.peek() ? draftOf(/** @type {any} */ (conversation.peek()).id).mode : null;

/** @param {"reply" | "note"} mode */
export function composerFocus(mode) {
  const id = conversation.peek()?.id;
  if (!id) return;
  redraft(id, { mode });
  requestAnimationFrame(() => {
    const field = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("composer"));
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  });
}

/** Its content becomes the draft, to be read before it is sent. @param {Suggestion} suggestion */
export function useSuggestion(suggestion) {
  const id = conversation.peek()?.id;
  if (!id) return;
  redraft(id, asDraft(suggestion.content));
  composerFocus("reply");
}
