/** The transcript as a list of lines: merging what comes, and what stands between lines. Pure. */

/** @import { Line, Pending, Content } from "../types.js" */
/**
 * @typedef {{kind: "day", key: string, at: string} | {kind: "channel", key: string, channel: string} |
 *   {kind: "line", key: string, line: Line, first: boolean}} Row
 */

/** Notes are numbered by themselves. @param {Line} line */
export const keyOf = (line) => (line.kind === "note" ? `note-${line.note?.id ?? line.id}` : `message-${line.id}`);

/** Where it stands: a note behind the message that it was written after. @param {Line} line @returns {[number, number]} */
const placeOf = (line) =>
  line.kind === "note" ? [line.note?.after_message ?? line.id, line.note?.id ?? line.id] : [line.id, 0];

/** Known lines are replaced by what is told of them now; each stands once, in order. @param {Line[]} lines @param {Line[]} news */
export function merged(lines, news) {
  const all = new Map(lines.map((line) => [keyOf(line), line]));
  for (const line of news) all.set(keyOf(line), line);
  return [...all.values()].sort((one, other) => {
    const [a, b] = placeOf(one);
    const [c, d] = placeOf(other);
    return a - c || b - d;
  });
}

/** The number of the newest message; notes have none. @param {Line[]} lines */
export function newest(lines) {
  return lines.reduce((most, line) => (line.kind === "note" ? most : Math.max(most, line.id)), 0);
}

/** The number of the oldest message, before which there may be more. @param {Line[]} lines */
export function oldest(lines) {
  const messages = lines.filter((line) => line.kind !== "note").map((line) => line.id);
  return messages.length ? Math.min(...messages) : null;
}

/**
 * Lines with the day's and the channel's headings between them. A line is the `first` of its group when somebody else
 * spoke before, or ten minutes went by.
 * @param {Line[]} lines @param {(iso: string) => string} dayOf
 * @returns {Row[]}
 */
export function rows(lines, dayOf) {
  /** @type {Row[]} */
  const all = [];
  let day = "";
  let channel = "";
  /** @type {Line | null} */
  let before = null;
  for (const line of lines) {
    const key = keyOf(line);
    if (dayOf(line.at) !== day) {
      day = dayOf(line.at);
      all.push({ kind: "day", key: `day-${key}`, at: line.at });
      before = null;
    }
    // What the product writes into its own queue goes over no channel that anybody sees.
    if (line.kind === "message" && line.channel && line.channel !== channel) {
      if (channel || all.length <= 1) all.push({ kind: "channel", key: `channel-${key}`, channel: line.channel });
      channel = line.channel;
      before = null;
    }
    all.push({ kind: "line", key, line, first: !continues(before, line) });
    before = line;
  }
  return all;
}

/** @param {Line | null} before @param {Line} line */
function continues(before, line) {
  if (!before || before.kind !== line.kind || line.kind === "system") return false;
  if (before.author !== line.author || before.agent !== line.agent) return false;
  return Date.parse(line.at) - Date.parse(before.at) < 600_000;
}

/**
 * What was sent from here and has not been shown by the server. A line of the server's takes the place of the message
 * with its id, else of the oldest of the same words.
 * @param {Pending[]} pending @param {Line[]} news @param {string} me
 */
export function unshown(pending, news, me) {
  let left = pending;
  for (const line of news) {
    if (line.kind !== "message" || line.author !== "agent" || line.agent !== me) continue;
    const its =
      left.find((one) => line.client_id && one.key === line.client_id) ??
      left.find((one) => !line.client_id && line.id > one.after && says(line.content) === says(one.content));
    if (its) left = left.filter((one) => one !== its);
  }
  return left;
}

/** @param {Content} content */
const says = (content) =>
  JSON.stringify([
    content.text ?? "",
    content.options?.map((one) => one.title) ?? [],
    content.cards?.map((one) => one.title) ?? [],
    content.file?.name ?? "",
  ]);
