/** A code that the customer types on another channel, to be known there too. */

import { ApiError, post } from "../api.js";
import { refusal } from "../conversation/doings.js";
import { html, useEffect, useState } from "../html.js";
import { now } from "../state/clock.js";
import { duration } from "../format.js";
import { Dialog } from "../ui/dialog.js";
import { words } from "../words/index.js";

/** @param {{id: string}} props */
export function LinkCodeDialog({ id }) {
  const w = words.value;
  const [told, setTold] = useState(/** @type {{code: string, ends: number} | string | null} */ (null));
  useEffect(() => {
    post(`/conversations/${id}/link_code`)
      .then(({ code, expires_in }) => setTold({ code, ends: Date.now() + expires_in * 1000 }))
      .catch((error) => setTold(error instanceof ApiError ? refusal(error) : w.failed));
  }, [id]);
  const left = told !== null && typeof told === "object" ? Math.max(0, Math.ceil((told.ends - now.value) / 1000)) : 0;
  return html`
    <${Dialog} title=${w.linkCode.title}>
      <p>${w.linkCode.text}</p>
      ${told === null && html`<p class="hint" role="status">${w.loading}</p>`}
      ${typeof told === "string" && html`<p class="field-error" role="alert">${told}</p>`}
      ${told !== null && typeof told === "object" && html`<p class="link-code">${told.code}</p>
      <p class="hint" role="timer">${left ? w.linkCode.left(duration(left)) : w.linkCode.over}</p>`}
    <//>
  `;
}
