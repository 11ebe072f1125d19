/** When a team is there, as bot/store/hours.py has it: always, or by the week, one stretch or two a day. */

import { html } from "../html.js";
import { Check, Field } from "../ui/field.js";
import { words } from "../words/index.js";

/** @import { Hours } from "../types.js" */
/** @typedef {{timezone: string, always: boolean, days: Record<string, string>, closed: string}} Draft `days`: as typed, `09:00-12:30, 13:30-18:00`. */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** @param {Hours | undefined} hours @returns {Draft} */
export function opened(hours) {
  const weekly = hours?.weekly ?? {};
  const typed = (/** @type {string} */ day) =>
    (weekly[day] ?? []).map((/** @type {string[]} */ one) => one.join("-")).join(", ");
  return {
    timezone: hours?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    always: hours?.always ?? !hours?.weekly,
    days: Object.fromEntries(DAYS.map((day) => [day, typed(day)])),
    closed: (hours?.closed ?? []).join(", "),
  };
}

/** @param {Draft} draft @returns {Hours} What is mistyped goes as it is; the server says what is wrong with it. */
export function hoursOf({ timezone, always, days, closed }) {
  if (always) return { timezone, always: true };
  const stretches = (/** @type {string} */ typed) => split(typed).map((one) => one.split(/\s*[-–—]\s*/));
  const weekly = Object.fromEntries(DAYS.filter((day) => days[day].trim()).map((day) => [day, stretches(days[day])]));
  return { timezone, weekly, closed: split(closed) };
}

/** @param {string} typed */
const split = (typed) =>
  typed
    .split(/[,，]/)
    .map((one) => one.trim())
    .filter(Boolean);

/** @param {{hours: Draft, onChange: (hours: Draft) => void}} props */
export function HoursFields({ hours, onChange }) {
  const w = words.value;
  return html`
    <fieldset class="settled"><legend>${w.settings.hours}</legend>
      <${Check} label=${w.settings.always} checked=${hours.always}
        onInput=${(/** @type {boolean} */ always) => onChange({ ...hours, always })} />
      ${
        !hours.always &&
        html`
        <${Field} label=${w.settings.timezone} value=${hours.timezone}
          onInput=${(/** @type {string} */ timezone) => onChange({ ...hours, timezone })} />
        <div class="two-fields days">
          ${DAYS.map((day) => html`<${Field} key=${day} label=${w.settings.days[day]} placeholder="09:00-18:00"
            value=${hours.days[day]}
              onInput=${(/** @type {string} */ typed) => onChange({ ...hours, days: { ...hours.days, [day]: typed } })} />`)}
        </div>
        <${Field} label=${w.settings.closedDays} hint=${w.settings.closedHint} value=${hours.closed}
          onInput=${(/** @type {string} */ closed) => onChange({ ...hours, closed })} />`
      }
    </fieldset>
  `;
}
