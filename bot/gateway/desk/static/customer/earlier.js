/** Earlier stretches with people: when, with whom, how it ended. */

import { html } from "../html.js";
import { date } from "../format.js";
import { nameOf } from "../state/session.js";
import { word, words } from "../words/index.js";

/** @import { Earlier } from "../types.js" */

/** @param {{earlier: Earlier[]}} props */
export function EarlierList({ earlier }) {
  const w = words.value;
  return html`
    <ul class="earlier">
      ${earlier.map(
        (one) => html`
          <li key=${one.id}>
            <p><strong>${date(one.asked_at)}</strong>${one.agent && html` · ${nameOf(one.agent)}`}</p>
            <p class="hint">${word(w.states, one.state)}${one.reason && ` · ${word(w.reasons, one.reason)}`}${one.rating !== null && html` · ${w.rated(one.rating)}`}</p>
          </li>
        `,
      )}
    </ul>
  `;
}
