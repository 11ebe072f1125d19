/** To a colleague or a team, with a note for them. */

import { conversation } from "../conversation/current.js";
import { perform } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { agents, isSupervisor, me, myId } from "../state/session.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { Choice, Field, Select } from "../ui/field.js";
import { words } from "../words/index.js";
import { focusName } from "./after.js";

/** @param {{id: string}} props */
export function TransferDialog({ id }) {
  const w = words.value;
  const one = conversation.value;
  // What waits may change its queue; only a supervisor gives it to somebody.
  const mayAgents = one?.state !== "queued" || isSupervisor.value;
  const others = [...agents.value.values()]
    .filter((agent) => agent.id !== myId.value && agent.id !== one?.agent && !agent.disabled)
    .sort((a, b) => Number(isThere(b)) - Number(isThere(a)) || a.open - b.open || a.name.localeCompare(b.name));
  const teams = (me.value?.teams ?? []).filter((team) => one?.state !== "queued" || team.id !== one.team);
  const [to, setTo] = useState(/** @type {"agent" | "team"} */ (mayAgents && others.length ? "agent" : "team"));
  const [agent, setAgent] = useState(others[0]?.id ?? "");
  const [team, setTeam] = useState(`${teams[0]?.id ?? ""}`);
  const [note, setNote] = useState("");
  const submit = async () => {
    hide();
    const whom = to === "agent" ? { agent } : { team: Number(team) };
    await perform(id, "transfer", { ...whom, ...(note.trim() && { note: note.trim() }) });
    focusName();
  };
  const agentOptions = others.map((other) => ({
    value: other.id,
    label: w.transfer.agent(other.name, isThere(other), other.open, other.capacity),
  }));
  const teamOptions = teams.map((other) => ({
    value: other.id,
    label: other.open ? other.name : w.transfer.closedTeam(other.name),
  }));
  return html`
    <${Dialog} title=${w.transfer.title} onSubmit=${submit}>
      ${
        mayAgents &&
        html`<${Choice} label=${w.transfer.to} value=${to} onInput=${setTo} options=${[
          { value: "agent", label: w.transfer.anAgent },
          { value: "team", label: w.transfer.aTeam },
        ]} />`
      }
      ${
        to === "agent"
          ? html`<${Select} label=${w.transfer.anAgent} value=${agent} options=${agentOptions} onInput=${setAgent} />`
          : html`<${Select} label=${w.transfer.aTeam} value=${team} options=${teamOptions} onInput=${setTeam} />`
      }
      <${Field} label=${w.transfer.note} value=${note} long rows="3" onInput=${setNote} />
      <${DialogEnd} label=${w.actions.transfer} disabled=${to === "agent" ? !agent : !team} />
    <//>
  `;
}

/** @param {import("../types.js").Agent} agent */
const isThere = (agent) => agent.online && agent.availability === "available";
