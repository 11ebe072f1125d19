/** Supervisors: what waits, who is there, what runs late. */

import { get } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { duration } from "../format.js";
import { filter } from "../list/conversations.js";
import { go, href } from "../route.js";
import { nameOf, teams } from "../state/session.js";
import { Avatar } from "../ui/avatar.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { PageFrame } from "./frame.js";

/**
 * @typedef {{queues: {team: number | null, waiting: number, longest_s: number | null, open: number, late: number}[],
 *   agents: {agent: string, state: "available" | "away" | "offline", open: number, capacity: number}[],
 *   warnings: {kind: string, team?: number, conversation?: string, seconds?: number}[]}} Live
 */

const EVERY = 5_000;
const STATES = ["available", "away", "offline"];

export function LivePage() {
  const w = words.value;
  const [live, setLive] = useState(/** @type {Live | null} */ (null));
  const [hasFailed, setFailed] = useState(false);
  useEffect(() => {
    const look = () =>
      document.hidden ||
      get("/live")
        .then((told) => {
          setLive(told);
          setFailed(false);
        })
        .catch(() => setFailed(true));
    look();
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }, []);
  return html`
    <${PageFrame} title=${w.pages.live} hint=${w.live.hint}>
      ${hasFailed && html`<p class="told" role="status">${w.live.stale}</p>`}
      ${
        !live
          ? html`<p class="hint" role="status">${w.loading}</p>`
          : html`
        <${Numbers} live=${live} /><${Warnings} warnings=${live.warnings} />
        <div class="two"><${Queues} queues=${live.queues} /><${Agents} agents=${live.agents} /></div>`
      }
    <//>
  `;
}

/** @param {{live: Live}} props */
function Numbers({ live }) {
  const w = words.value;
  const sum = (/** @type {"waiting" | "open" | "late"} */ name) =>
    live.queues.reduce((total, queue) => total + queue[name], 0);
  const longest = Math.max(0, ...live.queues.map((queue) => queue.longest_s ?? 0));
  const there = live.agents.filter((agent) => agent.state === "available").length;
  const numbers = [
    [w.live.waiting, sum("waiting"), false],
    [w.live.longest, duration(longest), false],
    [w.live.late, sum("late"), sum("late") > 0],
    [w.live.open, sum("open"), false],
    [w.live.there, `${there} / ${live.agents.length}`, there === 0],
  ];
  return html`<dl class="numbers">${numbers.map(([name, value, isBad]) => html`<div class=${isBad ? "is-bad" : ""}>
  <dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** @param {{warnings: Live["warnings"]}} props */
function Warnings({ warnings }) {
  const w = words.value;
  if (!warnings.length) return html`<p class="all-well"><${Icon} name="check" />${w.live.allWell}</p>`;
  return html`
    <section aria-label=${w.live.warnings}><ul class="warnings">
      ${warnings.map((one) => {
        const team = one.team === undefined || one.team === null ? "" : (teams.value.get(one.team)?.name ?? "");
        const text = w.live.kinds[one.kind]?.(duration(one.seconds ?? 0), team) ?? one.kind;
        return html`<li><${Icon} name="warn" />
        <span>${text}</span>${one.conversation && html`<a class="link"
          href=${href("all", one.conversation)}>${w.open}</a>`}</li>`;
      })}
    </ul></section>
  `;
}

/** @param {{queues: Live["queues"]}} props */
function Queues({ queues }) {
  const w = words.value;
  const look = (/** @type {number | null} */ team) => {
    go("queue");
    filter({ team });
  };
  return html`
    <section class="card-table"><h2 id="queues">${w.live.queues}</h2>
      <div class="table-box" role="region" tabindex="0" aria-labelledby="queues"><table>
        <thead><tr><th scope="col">${w.live.team}</th><th scope="col" class="number">${w.live.waiting}</th>
        <th scope="col" class="number">${w.live.longest}</th><th scope="col" class="number">${w.live.late}</th>
        <th scope="col" class="number">${w.live.open}</th></tr></thead>
        <tbody>${queues.map(
          (queue) => html`<tr>
          <th scope="row"><button type="button" class="link"
            onClick=${() => look(queue.team)}>${queue.team === null ? w.everybody : (teams.value.get(queue.team)?.name ?? queue.team)}</button>
            </th>
          <td class="number">${queue.waiting}</td>
          <td class="number">${queue.waiting ? duration(queue.longest_s) : "–"}</td>
          <td class="number ${queue.late ? "bad" : ""}">${queue.late}</td><td class="number">${queue.open}</td></tr>`,
        )}</tbody>
      </table></div></section>
  `;
}

/** @param {{agents: Live["agents"]}} props */
function Agents({ agents }) {
  const w = words.value;
  const sorted = [...agents].sort(
    (one, other) =>
      STATES.indexOf(one.state) - STATES.indexOf(other.state) || nameOf(one.agent).localeCompare(nameOf(other.agent)),
  );
  return html`
    <section class="card-table"><h2 id="agents">${w.live.agents}</h2>
      <div class="table-box" role="region" tabindex="0" aria-labelledby="agents"><table>
        <thead><tr><th scope="col">${w.live.agent}</th><th scope="col">${w.live.state}</th>
        <th scope="col" class="number">${w.live.load}</th></tr></thead>
        <tbody>${sorted.map(
          (one) => html`<tr>
          <th scope="row"><span class="agent-name">
          <${Avatar} name=${nameOf(one.agent)} id=${one.agent} small />${nameOf(one.agent)}</span></th>
          <td><span class="presence is-${one.state}">${w.availability[one.state]}</span></td>
          <td class="number">${one.open} / ${one.capacity} <${Load}
            part=${one.capacity ? one.open / one.capacity : 0} /></td></tr>`,
        )}</tbody>
      </table></div></section>
  `;
}

/** @param {{part: number}} props */
const Load = ({ part }) =>
  html`<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
  <rect class="bar-all" width="100" height="6" />
  <rect class=${part >= 1 ? "bar-full" : "bar-part"} width=${Math.min(1, part) * 100} height="6" /></svg>`;
