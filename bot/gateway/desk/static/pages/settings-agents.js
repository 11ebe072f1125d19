/** Admins: who works here. */

import { get, post } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { agents as known, myId, updateAgents } from "../state/session.js";
import { Avatar } from "../ui/avatar.js";
import { Dialog, DialogEnd, hide, show } from "../ui/dialog.js";
import { Check, Field, Select } from "../ui/field.js";
import { parts, Problem, useSaving } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";

/** @import { Agent } from "../types.js" */

const ROLES = ["agent", "supervisor", "admin"];

export function AgentsSettings() {
  const w = words.value;
  useEffect(() => {
    get("/agents")
      .then((told) => updateAgents(told.items ?? told))
      .catch(() => {});
  }, []);
  const all = [...known.value.values()].sort(
    (one, other) =>
      Number(Boolean(one.disabled)) - Number(Boolean(other.disabled)) || one.name.localeCompare(other.name),
  );
  return html`
    <section class="card-table">
      <div class="section-head"><h2 id="all-agents">${w.settings.tabs.agents}</h2>
      <button type="button" class="strong" onClick=${() => show(AgentDialog)}>
      <${Icon} name="plus" />${w.settings.newAgent}</button></div>
      <div class="table-box" role="region" tabindex="0" aria-labelledby="all-agents"><table>
        <thead><tr><th scope="col">${w.settings.name}</th><th scope="col">${w.settings.role}</th>
        <th scope="col">${w.settings.languages}</th><th scope="col">${w.settings.topics}</th>
        <th scope="col" class="number">${w.settings.capacity}</th><th scope="col">
        <span class="unseen">${w.edit}</span></th></tr></thead>
        <tbody>${all.map(
          (agent) => html`<tr key=${agent.id} class=${agent.disabled ? "is-off" : ""}>
            <th scope="row"><span class="agent-name"><${Avatar} name=${agent.name} id=${agent.id} small />
            <span>${agent.name}<span class="hint">${agent.login}</span></span></span></th>
            <td>${w.roles[agent.role]}${agent.disabled && html` <span class="label">${w.settings.disabled}</span>`}</td>
            <td>${agent.languages?.join(", ") || w.settings.any}</td>
            <td>${agent.topics?.join(", ") || w.settings.any}</td><td class="number">${agent.capacity}</td>
            <td><button type="button" class="quiet square" aria-label=${w.settings.editNamed(agent.name)}
              onClick=${() => show(AgentDialog, { agent })}><${Icon} name="edit" /></button></td></tr>`,
        )}</tbody>
      </table></div>
    </section>
  `;
}

/** @param {{agent?: Agent}} props */
function AgentDialog({ agent }) {
  const w = words.value;
  const [draft, setDraft] = useState({
    ...{
      name: agent?.name ?? "",
      login: agent?.login ?? "",
      role: agent?.role ?? "agent",
      password: "",
      capacity: `${agent?.capacity ?? 4}`,
    },
    ...{
      languages: agent?.languages?.join(", ") ?? "",
      topics: agent?.topics?.join(", ") ?? "",
      disabled: Boolean(agent?.disabled),
    },
  });
  const set = (/** @type {Partial<typeof draft>} */ change) => setDraft({ ...draft, ...change });
  const { busy, problem, submit } = useSaving(
    async () => {
      const { name, login, role, password, capacity, disabled } = draft;
      const common = {
        name: name.trim(),
        role,
        capacity: Number(capacity),
        languages: parts(draft.languages),
        topics: parts(draft.topics),
        ...(password && { password }),
      };
      const own = agent ? (agent.id === myId.peek() ? {} : { disabled }) : { login: login.trim() };
      const told = await post(agent ? `/agents/${agent.id}` : "/agents", { ...common, ...own });
      updateAgents([told]);
      hide();
    },
    { exists: w.settings.loginTaken, last_admin: w.settings.lastAdmin },
  );
  return html`
    <${Dialog} title=${agent ? w.settings.editNamed(agent.name) : w.settings.newAgent} onSubmit=${submit} wide>
      <div class="two-fields">
        <${Field} label=${w.settings.name} value=${draft.name} required maxlength="100"
          onInput=${(/** @type {string} */ name) => set({ name })} />
        <${Field} label=${w.login.login} value=${draft.login} required disabled=${Boolean(agent)} autocomplete="off"
          onInput=${(/** @type {string} */ login) => set({ login })} />
        <${Select} label=${w.settings.role} value=${draft.role}
          options=${ROLES.map((value) => ({ value, label: w.roles[value] }))}
            onInput=${(/** @type {any} */ role) => set({ role })} />
        <${Field} label=${w.settings.capacity} type="number" min="0" max="100" value=${draft.capacity}
          onInput=${(/** @type {string} */ capacity) => set({ capacity })} />
        <${Field} label=${w.settings.languages} hint=${w.settings.commas} value=${draft.languages}
          onInput=${(/** @type {string} */ languages) => set({ languages })} />
        <${Field} label=${w.settings.topics} hint=${w.settings.commas} value=${draft.topics}
          onInput=${(/** @type {string} */ topics) => set({ topics })} />
      </div>
      <${Field} label=${w.settings.newPassword} type="password" autocomplete="new-password" minlength="12"
        hint=${agent ? w.settings.passwordKeeps : w.settings.passwordHint} required=${!agent} value=${draft.password}
          onInput=${(/** @type {string} */ password) => set({ password })} />
      ${agent && agent.id !== myId.value && html`<${Check} label=${w.settings.disable} hint=${w.settings.disableHint}
        checked=${draft.disabled} onInput=${(/** @type {boolean} */ disabled) => set({ disabled })} />`}
      <${Problem} problem=${problem} />
      <${DialogEnd} label=${w.save} disabled=${busy} />
    <//>
  `;
}
