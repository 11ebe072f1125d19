/** Supervisors: a day in figures, by agent, team or channel, and as CSV. */

import { address, get, query } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { duration, percent } from "../format.js";
import { channelName } from "../ui/channel.js";
import { Choice, Field } from "../ui/field.js";
import { words } from "../words/index.js";
import { PageFrame } from "./frame.js";

/**
 * @typedef {{key: string, name: string, handoffs: number, answered: number, first_answer_median_s: number | null,
 *   first_answer_p90_s: number | null, within_level: number | null, handled_median_s: number | null, closed: number,
 *   returned: number, rating_mean: number | null, rated: number, messages: number}} Figures
 */

const BY = /** @type {const} */ (["agent", "team", "channel"]);
/** @type {[keyof Figures, (row: Figures) => string | number][]} */
const COLUMNS = [
  ["handoffs", (row) => row.handoffs],
  ["answered", (row) => row.answered],
  ["first_answer_median_s", (row) => duration(row.first_answer_median_s)],
  ["first_answer_p90_s", (row) => duration(row.first_answer_p90_s)],
  ["within_level", (row) => percent(row.within_level)],
  ["handled_median_s", (row) => duration(row.handled_median_s)],
  ["closed", (row) => row.closed],
  ["returned", (row) => row.returned],
  ["rating_mean", (row) => (row.rating_mean === null ? "–" : `${row.rating_mean.toFixed(1)} (${row.rated})`)],
  ["messages", (row) => row.messages],
];

/** Whose midnight the day begins with. */
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** This day where the agent is: `2026-11-22`. */
const today = () => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

export function FiguresPage() {
  const w = words.value;
  const [day, setDay] = useState(today());
  const [by, setBy] = useState(/** @type {"agent" | "team" | "channel"} */ ("agent"));
  const [rows, setRows] = useState(/** @type {Figures[] | "failed" | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    setRows(null);
    get(`/figures${query({ day, by, timezone: ZONE })}`, stop.signal)
      .then((told) => setRows(told.rows ?? told))
      .catch(() => stop.signal.aborted || setRows("failed"));
    return () => stop.abort();
  }, [day, by]);
  const nameOfRow = (/** @type {Figures} */ row) =>
    by === "channel" ? channelName(row.key) : row.name || row.key || w.everybody;
  const tools = html`<a class="plain button"
    href=${address(`/figures${query({ day, by, timezone: ZONE, format: "csv" })}`)}
      download=${`figures-${day}-${by}.csv`}>${w.figures.csv}</a>`;
  return html`
    <${PageFrame} title=${w.pages.figures} hint=${w.figures.hint} tools=${tools}>
      <div class="figures-choice">
        <${Field} label=${w.figures.day} type="date" value=${day} max=${today()}
          onInput=${(/** @type {string} */ value) => value && setDay(value)} />
        <${Choice} label=${w.figures.by} value=${by} onInput=${setBy}
          options=${BY.map((value) => ({ value, label: w.figures.bys[value] }))} />
      </div>
      ${rows === null && html`<p class="hint" role="status">${w.loading}</p>`}
      ${rows === "failed" && html`<p class="hint" role="status">${w.failed}</p>`}
      ${Array.isArray(rows) && !rows.length && html`<p class="empty">${w.figures.none}</p>`}
      ${
        Array.isArray(rows) &&
        rows.length > 0 &&
        html`
        <div class="card-table"><div class="table-box" role="region" tabindex="0" aria-label=${w.pages.figures}>
        <table class="figures">
          <thead><tr><th scope="col">${w.figures.bys[by]}</th>${COLUMNS.map(([name]) => html`<th scope="col"
            class="number">${w.figures.columns[name]}</th>`)}</tr></thead>
          <tbody>${rows.map((row) => html`<tr key=${row.key}>
          <th scope="row">${nameOfRow(row)}</th>${COLUMNS.map(([, show]) => html`<td
            class="number">${show(row)}</td>`)}</tr>`)}</tbody>
        </table></div></div>`
      }
    <//>
  `;
}
