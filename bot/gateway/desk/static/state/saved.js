/** Saved replies, loaded when first needed. */

import { get } from "../api.js";
import { signal } from "../html.js";

/** @import { SavedReply } from "../types.js" */

/** @type {import("../vendor/signals.js").Signal<SavedReply[] | null>} */
export const saved = signal(/** @type {SavedReply[] | null} */ (null));

let loading = false;

/** @param {boolean} [anew] */
export async function loadSaved(anew = false) {
  if (loading || (saved.peek() && !anew)) return;
  loading = true;
  try {
    const told = await get("/saved-replies");
    saved.value = told.items ?? told;
  } catch {
    saved.value ??= [];
  } finally {
    loading = false;
  }
}
