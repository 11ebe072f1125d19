/** English or Chinese, each named in itself. */

import { html } from "../html.js";
import { change } from "../state/device.js";
import { language, words } from "../words/index.js";

const NAMES = /** @type {const} */ ([
  ["en", "English"],
  ["zh", "中文"],
]);

export function LanguageSwitch() {
  return html`
    <div class="languages" role="group" aria-label=${words.value.settings.language}>
      ${NAMES.map(
        ([code, name]) => html`<button type="button" class="link" lang=${code} aria-pressed=${language.value === code}
          onClick=${() => change({ language: code })}>${name}</button>`,
      )}
    </div>
  `;
}
