/** What time it is, once a second for all that counts time on the page. */

import { signal } from "../html.js";

/** Milliseconds since 1970. */
export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => {
  now.value = Date.now();
});

/** Whole seconds since then, never below 0. @param {string} iso */
export const secondsSince = (iso) => Math.max(0, Math.floor((now.value - Date.parse(iso)) / 1000));
