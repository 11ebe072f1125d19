/** What is told in passing: on the page for a moment, and to screen readers. */

import { signal } from "../html.js";

/** @typedef {{id: number, text: string, kind: "plain" | "bad", href?: string}} Notice */

const LASTS = 7_000;

export const notices = signal(/** @type {Notice[]} */ ([]));
/** What a screen reader says next, politely. */
export const announced = signal("");

let last = 0;

/** @param {string} text @param {"plain" | "bad"} [kind] @param {string} [href] */
export function notice(text, kind = "plain", href) {
  const one = { id: ++last, text, kind, href };
  notices.value = [...notices.value.slice(-2), one];
  setTimeout(() => dismiss(one.id), LASTS);
}

/** @param {number} id */
export function dismiss(id) {
  notices.value = notices.value.filter((one) => one.id !== id);
}

/** @param {string} text */
export function announce(text) {
  // The same words twice are told twice only if they differ.
  announced.value = announced.value === text ? `${text}\u00a0` : text;
}
