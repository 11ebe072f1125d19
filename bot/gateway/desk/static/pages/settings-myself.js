/** Whether one takes conversations, and in which languages. */

import { html, useState } from "../html.js";
import { changeMyself, me } from "../state/session.js";
import { Choice, Field } from "../ui/field.js";
import { parts, Problem, useSaving } from "../ui/form.js";
import { words } from "../words/index.js";

export function MyselfSettings() {
  const w = words.value;
  const agent = /** @type {import("../types.js").Agent} */ (me.value?.agent);
  const [languages, setLanguages] = useState(agent.languages.join(", "));
  const { busy, problem, submit } = useSaving(() => changeMyself({ languages: parts(languages) }));
  const options = ["available", "away"].map((value) => ({ value, label: w.availability[value] }));
  return html`
    <section class="card-form-page">
      <p><strong>${agent.name}</strong> · ${agent.login} · ${w.roles[agent.role]}</p>
      <${Choice} label=${w.settings.availability} value=${agent.availability} options=${options}
        onInput=${(/** @type {any} */ availability) => changeMyself({ availability })} />
      <p class="hint">${w.settings.availabilityHint(agent.capacity)}</p>
      <form onSubmit=${submit}>
        <${Field} label=${w.settings.languages} hint=${w.settings.languagesHint} value=${languages}
          onInput=${setLanguages} />
        <${Problem} problem=${problem} />
        <button type="submit" class="strong" disabled=${busy}>${w.save}</button>
      </form>
    </section>
  `;
}
