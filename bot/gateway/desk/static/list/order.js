/** Which conversations a list shows, and in what order. Pure. */

/** @import { Item } from "../types.js" */
/**
 * @typedef {{view: string, me: string, teams: number[], team: number | null, label: string, channel: string,
 *   q: string}} Wanted
 *   What a list is asked for. `teams`: mine, none for all; `team`: one of them, or of all in the queue.
 */

/** Whether it belongs there. What was searched for only the server can tell. @param {Item} item @param {Wanted} wanted */
export function belongs(item, wanted) {
  const { view, team, label, channel } = wanted;
  if (label && !item.labels.includes(label)) return false;
  if (channel && !item.channels.includes(channel)) return false;
  if (view === "queue") return item.state === "queued" && (team === null || item.team === team);
  if (view === "mine") return item.agent === wanted.me && ["agent", "snoozed"].includes(item.state);
  if (view === "team") return ["queued", "agent", "snoozed"].includes(item.state) && isOfTeam(item, wanted);
  if (view === "closed") return item.state === "closed";
  return true;
}

/** One who is in no team, as supervisors need not be, sees all teams'. @param {Item} item @param {Wanted} wanted */
function isOfTeam(item, { team, teams }) {
  const wanted = team === null ? teams : [team];
  return !wanted.length || wanted.includes(item.team ?? -1);
}

/**
 * Who waits longest comes first in the queue; elsewhere, who spoke last.
 * @param {string} view @returns {(one: Item, other: Item) => number}
 */
export function order(view) {
  if (view === "queue") {
    return (one, other) => other.priority - one.priority || compare(one.queued_at, other.queued_at);
  }
  return (one, other) => compare(other.last?.at, one.last?.at) || compare(other.id, one.id);
}

/** @param {string | null | undefined} one @param {string | null | undefined} other */
function compare(one, other) {
  if (one === other) return 0;
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

/**
 * The list after some of its conversations changed.
 *
 * Only the beginning of a long list is loaded: what belongs behind that is counted, and loaded when it is scrolled to.
 * @param {{items: Item[], total: number, complete: boolean}} list
 * @param {Item[]} changed @param {string[]} gone @param {Wanted} wanted
 */
export function updated(list, changed, gone, wanted) {
  const news = new Map(changed.map((item) => [item.id, item]));
  const left = new Set(gone);
  const before = order(wanted.view);
  let { total } = list;
  /** @type {Item[]} */
  const moved = [];
  const items = list.items.flatMap((old) => {
    const item = news.get(old.id) ?? old;
    news.delete(old.id);
    if (left.has(old.id) || (item !== old && !belongs(item, wanted))) {
      total -= 1;
      return [];
    }
    if (item !== old && before(item, old) !== 0) {
      moved.push(item);
      return [];
    }
    return [item];
  });
  for (const item of news.values()) {
    // A search is not answered anew with every message; and what was read before the first page is in it.
    if (wanted.q || left.has(item.id) || !belongs(item, wanted)) continue;
    // Of what is not loaded nobody knows whether it was counted before.
    if (list.complete) total += 1;
    moved.push(item);
  }
  for (const item of moved) place(items, item, before, list.complete || wanted.q !== "");
  return { items, total: Math.max(total, items.length) };
}

/**
 * @param {Item[]} items @param {Item} item @param {(one: Item, other: Item) => number} before @param {boolean} complete
 */
function place(items, item, before, complete) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(items[middle], item) <= 0) low = middle + 1;
    else high = middle;
  }
  if (low < items.length || complete) items.splice(low, 0, item);
}
