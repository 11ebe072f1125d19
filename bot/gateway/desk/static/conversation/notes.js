/** What customers never see: agents' notes, and lines about what was done. */

import { html } from "../html.js";
import { moment, readable, soon, time } from "../format.js";
import { agents, nameOf, teams } from "../state/session.js";
import { Icon } from "../ui/icon.js";
import { word, words } from "../words/index.js";

/** @import { Line, System } from "../types.js" */

/** @param {{line: Line}} props */
export function NoteLine({ line }) {
  const w = words.value;
  const { note } = line;
  if (!note) return null;
  return html`
    <article class="note-line ${note.whisper_to ? "whisper" : ""}"
      aria-label=${w.noteBy(nameOf(note.agent), moment(note.at))}>
      <p class="line-who"><${Icon} name=${note.whisper_to ? "whisper" : "note"} />
        <span>${nameOf(note.agent)}${note.whisper_to ? ` → ${nameOf(note.whisper_to)}` : ""}</span>
        <span class="hint">${note.whisper_to ? w.whispered : w.noteOnly} · <time
          datetime=${note.at}>${time(note.at)}</time></span></p>
      <p class="said-text" dir="auto">${withMentions(note.text)}</p>
    </article>
  `;
}

/** The names of colleagues who are mentioned stand out. @param {string} text */
function withMentions(text) {
  const names = [...agents.value.values()]
    .map(({ name }) => `@${name}`)
    .sort((one, other) => other.length - one.length);
  const found = names.filter((name) => text.includes(name));
  if (!found.length) return text;
  const escaped = found.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return text
    .split(new RegExp(`(${escaped.join("|")})`, "u"))
    .map((part) => (found.includes(part) ? html`<b class="mention">${part}</b>` : part));
}

/** @param {{line: Line}} props */
export function SystemLine({ line }) {
  const text = line.system ? told(line.system) : "";
  if (!text) return null;
  return html`<p class="system">${text} · <time datetime=${line.at} title=${moment(line.at)}>${time(line.at)}</time>
  </p>`;
}

/** @param {System} system */
function told(system) {
  const w = words.value;
  const by = w.authors[system.by] ?? nameOf(system.by);
  const agent = nameOf(system.agent);
  const team = system.team ? (teams.value.get(system.team)?.name ?? "") : "";
  switch (system.do) {
    case "take":
      return w.system.take(agent || by);
    case "assign":
      return w.system.assign(agent);
    case "transfer":
      return w.system.transfer(by, agent || team || w.everybody);
    case "requeue":
      return w.system.requeue(agent, system.why ?? "");
    case "hand_back":
      return w.system.handBack(by);
    case "snooze":
      return w.system.snooze(by, system.until ? soon(system.until) : "");
    case "close":
      return w.system.close(by, system.reason ? word(w.reasons, system.reason) : "");
    case "set_slot":
      return w.system.setSlot(by, readable(system.name ?? ""));
    default:
      return w.system.others[system.do ?? system.type ?? ""]?.(by) ?? "";
  }
}
