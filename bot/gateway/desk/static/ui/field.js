/** Fields with their names, hints and errors bound to them. */

import { html, useMemo } from "../html.js";

let last = 0;

export const useId = () => useMemo(() => `f${++last}`, []);

/**
 * @param {{label: string, value: string | number, onInput: (value: string) => void, type?: string, hint?: string,
 *   error?: string, long?: boolean, [more: string]: any}} props `long`: several lines.
 */
export function Field({ label, value, onInput, type = "text", hint, error, long = false, ...more }) {
  const id = useId();
  const told = (/** @type {any} */ event) => onInput(event.target.value);
  const about = error || hint ? `${id}-about` : null;
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      ${
        long
          ? html`<textarea id=${id} value=${value} onInput=${told} aria-describedby=${about} rows="4" ...${more}>
          </textarea>`
          : html`<input id=${id} type=${type} value=${value} onInput=${told} aria-describedby=${about}
            aria-invalid=${error ? "true" : null} ...${more} />`
      }
      ${about && html`<p id=${about} class=${error ? "field-error" : "hint"}>${error || hint}</p>`}
    </div>
  `;
}

/**
 * @param {{label: string, value: string | number, options: {value: string | number, label: string}[],
 *   onInput: (value: string) => void, hidden?: boolean, [more: string]: any}} props `hidden`: its name is not seen.
 */
export function Select({ label, value, options, onInput, hidden = false, ...more }) {
  const id = useId();
  return html`
    <div class="field">
      <label for=${id} class=${hidden ? "unseen" : ""}>${label}</label>
      <select id=${id} value=${value} onChange=${(/** @type {any} */ event) => onInput(event.target.value)} ...${more}>
        ${options.map((one) => html`<option value=${one.value}
          selected=${`${one.value}` === `${value}`}>${one.label}</option>`)}
      </select>
    </div>
  `;
}

/** @param {{label: string, checked: boolean, onInput: (checked: boolean) => void, hint?: string, disabled?: boolean}} props */
export function Check({ label, checked, onInput, hint, disabled = false }) {
  return html`
    <label class="check">
      <input type="checkbox" checked=${checked} disabled=${disabled}
        onChange=${(/** @type {any} */ event) => onInput(event.target.checked)} />
      <span>${label}${hint && html`<span class="hint">${hint}</span>`}</span>
    </label>
  `;
}

/**
 * One of a few, side by side.
 * @param {{label: string, value: string, options: {value: string, label: string}[], onInput: (value: string) => void}} props
 */
export function Choice({ label, value, options, onInput }) {
  const name = useId();
  return html`
    <fieldset class="choice">
      <legend>${label}</legend>
      <div class="segments">
        ${options.map(
          (one) => html`
            <label class="segment">
              <input type="radio" name=${name} value=${one.value} checked=${one.value === value}
                onChange=${() => onInput(one.value)} />
              <span>${one.label}</span>
            </label>
          `,
        )}
      </div>
    </fieldset>
  `;
}
