/** What the bot understood of a customer's message, asked for when somebody wants to know. */

import { ApiError, get } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { percent, readable } from "../format.js";
import { words } from "../words/index.js";

/** @import { Understanding } from "../types.js" */

const MOST = 4;

/** @param {{id: number}} props Of the message. */
export function UnderstandingView({ id }) {
  const w = words.value;
  const [told, setTold] = useState(/** @type {Understanding | "none" | "failed" | null} */ (null));
  useEffect(() => {
    get(`/messages/${id}/understanding`)
      .then(setTold)
      .catch((error) => setTold(error instanceof ApiError && error.status === 404 ? "none" : "failed"));
  }, [id]);
  if (told === null) return html`<p class="understanding hint" role="status">${w.loading}</p>`;
  if (typeof told === "string")
    return html`<p class="understanding hint" role="status">${told === "none" ? w.notUnderstood : w.failed}</p>`;
  const ranking = told.ranking.length ? told.ranking : [{ name: told.intent, confidence: told.confidence }];
  return html`
    <div class="understanding" role="group" aria-label=${w.understood}>
      <ul>
        ${ranking.slice(0, MOST).map(
          (one) => html`<li><span>${readable(one.name)}</span>
            <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class="bar-all" width="100" height="6" />
            <rect class="bar-part" width=${one.confidence * 100} height="6" /></svg>
            <span class="number">${percent(one.confidence)}</span></li>`,
        )}
      </ul>
      ${
        told.entities.length > 0 &&
        html`<p>${told.entities.map((one) => html`<span class="label">
        <b>${one.entity ?? one.name}</b> ${`${one.value}`}</span>`)}</p>`
      }
    </div>
  `;
}
