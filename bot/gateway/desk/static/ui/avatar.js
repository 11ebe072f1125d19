/** A person as one or two letters in a colour of their own. */

import { html } from "../html.js";

/** @param {{name: string, id?: string, small?: boolean}} props Beside the name, so read out by nobody. */
export function Avatar({ name, id = name, small = false }) {
  const tone = [...id].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 6, 0);
  return html`<span class="avatar tone-${tone} ${small ? "small" : ""}" aria-hidden="true">${initials(name)}</span>`;
}

/** @param {string} name */
function initials(name) {
  const parts = name.trim().split(/\s+/).filter(Boolean);
  if (!parts.length) return "?";
  const letters = /^\p{Script=Han}/u.test(name)
    ? [[...parts[0]][0]]
    : [parts[0], parts.length > 1 ? parts[parts.length - 1] : ""].map((part) => [...part][0] ?? "");
  return letters.join("").toUpperCase();
}
