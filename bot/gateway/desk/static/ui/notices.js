/** Notices in the corner, and the words for screen readers. */

import { html } from "../html.js";
import { announced, dismiss, notices } from "../state/notices.js";
import { words } from "../words/index.js";
import { Icon } from "./icon.js";

export function Notices() {
  return html`
    <div class="unseen" role="status" aria-live="polite">${announced.value}</div>
    <div class="notices" role="region" aria-label=${words.value.notices} aria-live="polite">
      ${notices.value.map(
        (one) => html`
          <div key=${one.id} class="notice ${one.kind}">
            ${one.href ? html`<a href=${one.href}
              onClick=${() => dismiss(one.id)}>${one.text}</a>` : html`<span>${one.text}</span>`}
            <button type="button" class="quiet square" aria-label=${words.value.dismiss}
              onClick=${() => dismiss(one.id)}><${Icon} name="close" /></button>
          </div>
        `,
      )}
    </div>
  `;
}
