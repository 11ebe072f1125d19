/** Admins: teams, what is sent to them, when they are there. */

import { post } from "../api.js";
import { html, useState } from "../html.js";
import { duration } from "../format.js";
import { agents, me } from "../state/session.js";
import { Dialog, DialogEnd, hide, show } from "../ui/dialog.js";
import { Check, Field, Select } from "../ui/field.js";
import { parts, Problem, useSaving } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { HoursFields, hoursOf, opened } from "./hours.js";

/** @import { Team } from "../types.js" */

export function TeamsSettings() {
  const w = words.value;
  return html`
    <section class="card-table">
      <div class="section-head"><h2 id="all-teams">${w.settings.tabs.teams}</h2>
      <button type="button" class="strong" onClick=${() => show(TeamDialog)}>
      <${Icon} name="plus" />${w.settings.newTeam}</button></div>
      <div class="table-box" role="region" tabindex="0" aria-labelledby="all-teams"><table>
        <thead><tr><th scope="col">${w.settings.name}</th><th scope="col">${w.settings.topics}</th>
        <th scope="col">${w.settings.assignment}</th><th scope="col" class="number">${w.settings.answerWithin}</th>
        <th scope="col" class="number">${w.settings.members}</th><th scope="col"><span class="unseen">${w.edit}</span>
        </th></tr></thead>
        <tbody>${(me.value?.teams ?? []).map(
          (
            team,
          ) => html`<tr key=${team.id}>
          <th scope="row">${team.name} ${!team.open && html`<span class="label">${w.settings.closedNow}</span>`}</th>
            <td>${team.topics.join(", ") || w.settings.anyTopic}</td>
            <td>${w.settings.assignments[team.assignment]}</td><td class="number">${duration(team.answer_within)}</td>
            <td class="number">${team.members.length}</td>
            <td><button type="button" class="quiet square" aria-label=${w.settings.editNamed(team.name)}
              onClick=${() => show(TeamDialog, { team })}><${Icon} name="edit" /></button></td></tr>`,
        )}</tbody>
      </table></div>
    </section>
  `;
}

/** @param {{team?: Team}} props */
function TeamDialog({ team }) {
  const w = words.value;
  const [draft, setDraft] = useState({
    ...{
      name: team?.name ?? "",
      topics: team?.topics.join(", ") ?? "",
      minutes: `${(team?.answer_within ?? 120) / 60}`,
    },
    ...{ assignment: team?.assignment ?? "automatic", members: team?.members ?? [], hours: opened(team?.hours) },
  });
  const set = (/** @type {Partial<typeof draft>} */ change) => setDraft({ ...draft, ...change });
  const { busy, problem, submit } = useSaving(
    async () => {
      const { name, minutes, assignment, members } = draft;
      const body = {
        name: name.trim(),
        topics: parts(draft.topics),
        answer_within: Math.round(Number(minutes) * 60),
        assignment,
        members,
        hours: hoursOf(draft.hours),
      };
      const told = await post(team ? `/teams/${team.id}` : "/teams", body);
      const others = (me.peek()?.teams ?? []).filter((one) => one.id !== told.id);
      if (me.value)
        me.value = { ...me.value, teams: [...others, told].sort((one, other) => one.name.localeCompare(other.name)) };
      hide();
    },
    { exists: w.settings.nameTaken },
  );
  const toggle = (/** @type {string} */ id, /** @type {boolean} */ isIn) =>
    set({ members: isIn ? [...draft.members, id] : draft.members.filter((one) => one !== id) });
  return html`
    <${Dialog} title=${team ? w.settings.editNamed(team.name) : w.settings.newTeam} onSubmit=${submit} wide>
      <div class="two-fields">
        <${Field} label=${w.settings.name} value=${draft.name} required maxlength="100"
          onInput=${(/** @type {string} */ name) => set({ name })} />
        <${Field} label=${w.settings.topics} hint=${w.settings.commas} value=${draft.topics}
          onInput=${(/** @type {string} */ topics) => set({ topics })} />
        <${Field} label=${w.settings.answerMinutes} type="number" min="0.2" max="1440" step="any"
          value=${draft.minutes} required onInput=${(/** @type {string} */ minutes) => set({ minutes })} />
        <${Select} label=${w.settings.assignment} value=${draft.assignment}
          options=${["automatic", "pulled"].map((value) => ({ value, label: w.settings.assignments[value] }))}
            onInput=${(/** @type {any} */ assignment) => set({ assignment })} />
      </div>
      <${HoursFields} hours=${draft.hours} onChange=${(/** @type {any} */ hours) => set({ hours })} />
      <fieldset class="settled"><legend>${w.settings.members}</legend><div class="members">
        ${[...agents.value.values()].filter((agent) => !agent.disabled).map((agent) => html`<${Check} key=${agent.id}
          label=${agent.name} checked=${draft.members.includes(agent.id)}
            onInput=${(/** @type {boolean} */ isIn) => toggle(agent.id, isIn)} />`)}
      </div></fieldset>
      <${Problem} problem=${problem} />
      <${DialogEnd} label=${w.save} disabled=${busy} />
    <//>
  `;
}
