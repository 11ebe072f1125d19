/** Answers for the customer to tap. */

import { draftOf, redraft } from "../composer/drafts.js";
import { composerFocus } from "../composer/focus.js";
import { html, useState } from "../html.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";

const MOST = 10;
const LONGEST = 80;

/** @param {{id: string}} props */
export function OptionsDialog({ id }) {
  const w = words.value;
  const [titles, setTitles] = useState(padded(draftOf(id).options));
  const submit = () => {
    redraft(id, { options: filled(titles) });
    hide();
    composerFocus("reply");
  };
  return html`
    <${Dialog} title=${w.quickReplies} onSubmit=${submit}>
      <p class="hint">${w.quickHint}</p>
      <${Titles} titles=${titles} onChange=${setTitles} />
      <${DialogEnd} label=${w.attach} />
    <//>
  `;
}

/** @param {string[]} titles */
const padded = (titles) => (titles.length ? titles : ["", ""]);

/** @param {string[]} titles */
export const filled = (titles) => titles.map((title) => title.trim()).filter(Boolean);

/** Titles to write, one a line. @param {{titles: string[], onChange: (titles: string[]) => void, most?: number}} props */
export function Titles({ titles, onChange, most = MOST }) {
  const w = words.value;
  const set = (/** @type {number} */ index, /** @type {string} */ title) =>
    onChange(titles.map((old, at) => (at === index ? title : old)));
  return html`
    <ul class="titles">
      ${titles.map(
        (title, index) => html`
          <li key=${index}>
            <input type="text" maxlength=${LONGEST} value=${title} aria-label=${w.optionNumber(index + 1)}
              placeholder=${w.optionNumber(index + 1)}
              onInput=${(/** @type {any} */ event) => set(index, event.target.value)} />
            <button type="button" class="quiet square" aria-label=${w.removeNumber(index + 1)}
              onClick=${() => onChange(titles.filter((_, at) => at !== index))}><${Icon} name="close" /></button>
          </li>
        `,
      )}
    </ul>
    ${titles.length < most && html`<button type="button" class="link" onClick=${() => onChange([...titles, ""])}>
    <${Icon} name="plus" />${w.addOption}</button>`}
  `;
}
