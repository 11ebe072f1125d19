/** The list that is looked at: loaded page by page, kept right by the socket. */

import { get, query } from "../api.js";
import { batch, computed, signal } from "../html.js";
import { LISTS, route } from "../route.js";
import { isSupervisor, myId, myTeams } from "../state/session.js";
import { updated } from "./order.js";

/** @import { Item } from "../types.js" */
/** @import { Wanted } from "./order.js" */
/** @typedef {{items: Item[], total: number, next: string | null, state: "loading" | "ready" | "failed"}} List */

const PAGE = 200;

/** @type {List} */
const EMPTY = { items: [], total: 0, next: null, state: "loading" };

export const list = signal(EMPTY);
export const counts = signal({ queue: 0, mine: 0, team: 0 });
export const filters = signal({ team: /** @type {number | null} */ (null), label: "", channel: "", q: "" });
/** The conversation that the keyboard stands on. */
export const cursor = signal(/** @type {string | null} */ (null));
/** Which list is shown, also while a conversation of it is open. */
export const view = computed(() => (LISTS.includes(route.value.page) ? route.value.page : "queue"));

let asked = new AbortController();
let loading = false;
/** @type {Map<string, Item>} What the socket told while a page was on its way. */
let overtaken = new Map();

/** @returns {Wanted} */
function wanted() {
  const teams = isSupervisor.value ? [] : myTeams.value.map((team) => team.id);
  return { view: view.value, me: myId.value, teams, ...filters.value };
}

/** Begin anew, for another view or other filters. @param {boolean} [fresh] Whether what stands there is of no use. */
export async function load(fresh = true) {
  asked.abort();
  asked = new AbortController();
  loading = false;
  if (fresh) list.value = EMPTY;
  await page(null);
}

/** Load on, if there is more and nothing is on its way. */
export async function more() {
  if (list.value.next !== null && !loading) await page(list.value.next);
}

/** @param {string | null} after */
async function page(after) {
  const { signal } = asked;
  const { team, label, channel, q } = filters.value;
  loading = true;
  overtaken = new Map();
  try {
    const told = await get(
      `/conversations${query({ view: view.value, team, label, channel, q, after, limit: PAGE })}`,
      signal,
    );
    if (signal.aborted) return;
    loading = false;
    show(after === null ? [] : list.value.items, told);
  } catch {
    if (signal.aborted) return;
    loading = false;
    list.value = { ...list.value, state: list.value.items.length ? "ready" : "failed" };
  }
}

/** @param {Item[]} before @param {{items: Item[], next: string | null, total: number}} told */
function show(before, told) {
  const known = new Set(before.map((item) => item.id));
  const items = before.concat(told.items.filter((item) => !known.has(item.id)));
  list.value = { items, total: Math.max(told.total, items.length), next: told.next, state: "ready" };
  if (overtaken.size) change([...overtaken.values()], []);
}

/** What the socket told. @param {Item[]} items @param {string[]} gone */
export function change(items, gone) {
  if (loading) for (const item of items) overtaken.set(item.id, item);
  const { next } = list.value;
  if (list.value.state !== "ready") return;
  list.value = { ...list.value, ...updated({ ...list.value, complete: next === null }, items, gone, wanted()) };
}

/** Nothing unread in it any more. @param {string} id */
export function markSeen(id) {
  const known = list.value.items.find((item) => item.id === id);
  if (known?.unread) change([{ ...known, unread: 0 }], []);
}

/** @param {Partial<typeof filters.value>} some */
export function filter(some) {
  filters.value = { ...filters.value, ...some };
  load();
}

/** Forget everything, for whoever logs in next. */
export function clear() {
  asked.abort();
  batch(() => {
    list.value = EMPTY;
    filters.value = { team: null, label: "", channel: "", q: "" };
    cursor.value = null;
  });
}

/** The conversation `steps` further down from where the keyboard stands. @param {number} steps */
export function step(steps) {
  const { items } = list.value;
  if (!items.length) return;
  const here = items.findIndex((item) => item.id === cursor.value);
  const there = here < 0 ? 0 : Math.min(items.length - 1, Math.max(0, here + steps));
  cursor.value = items[there].id;
  if (there > items.length - 5) more();
}
