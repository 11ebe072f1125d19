/** The conversation that is open: who it is, its transcript, who else looks at it. */

import { ApiError, get, query } from "../api.js";
import { batch, computed, effect, signal } from "../html.js";
import { list, markSeen } from "../list/conversations.js";
import { isList, route } from "../route.js";
import { myId } from "../state/session.js";
import { tell } from "../state/socket.js";
import { merged, newest, oldest } from "./lines.js";
import { settle, whenUnshown } from "./sending.js";

/** @import { Conversation, Item, Line, Suggestion } from "../types.js" */

const PAGE = 50;
const REFRESH_AFTER = 250;

export const openId = computed(() => (isList.value ? route.value.id : null));
/** @type {import("../vendor/signals.js").Signal<Conversation | null>} */
export const conversation = signal(null);
/** @type {import("../vendor/signals.js").Signal<Line[]>} */
export const lines = signal(/** @type {Line[]} */ ([]));
export const state = signal(/** @type {"empty" | "loading" | "ready" | "failed" | "unknown"} */ ("empty"));
/** Whether there are older lines, and whether they are on their way. */
export const older = signal(/** @type {"none" | "some" | "loading"} */ ("none"));
export const viewers = signal(/** @type {string[]} */ ([]));
export const typing = signal(/** @type {string[]} */ ([]));
/** @type {import("../vendor/signals.js").Signal<Suggestion[]>} */
export const suggestions = signal(/** @type {Suggestion[]} */ ([]));

/** The newest message of the customer's. */
const asked = computed(
  () => lines.value.findLast((line) => line.author === "customer" && line.kind === "message")?.id ?? 0,
);
let refreshing = 0;

/** What the socket is told to be looked at. */
export const looking = () =>
  openId.peek() ? { type: "open", conversation: openId.peek(), after: newest(lines.peek()) } : null;

export async function open(/** @type {string} */ id) {
  const known = list.peek().items.find((item) => item.id === id);
  batch(() => {
    conversation.value = known ? asConversation(known) : null;
    lines.value = [];
    viewers.value = [];
    typing.value = [];
    suggestions.value = [];
    older.value = "none";
    state.value = "loading";
  });
  try {
    const [told, transcript] = await Promise.all([
      get(`/conversations/${id}`),
      get(`/conversations/${id}/transcript${query({ limit: PAGE })}`),
    ]);
    if (openId.peek() !== id) return;
    batch(() => {
      conversation.value = told;
      viewers.value = told.viewers ?? [];
      lines.value = merged(transcript.lines, lines.peek());
      older.value = transcript.more ? "some" : "none";
      state.value = "ready";
    });
    tell(/** @type {any} */ (looking()));
  } catch (error) {
    if (openId.peek() !== id) return;
    state.value = error instanceof ApiError && error.status === 404 ? "unknown" : "failed";
  }
}

/** @param {Item} item @returns {Conversation} */
const asConversation = (item) => ({
  ...item,
  customer: { account: null, language: item.language, since: "", preferred_channel: null, ...item.customer },
  ...{ identities: [], merges: [], form: null, slots: [], orders: [], earlier: [], notes: [], viewers: [], to: null },
});

/** Lines before those that are there. */
export async function loadOlder() {
  const id = openId.peek();
  const before = oldest(lines.peek());
  if (!id || older.peek() !== "some" || before === null) return;
  older.value = "loading";
  try {
    const told = await get(`/conversations/${id}/transcript${query({ before, limit: PAGE })}`);
    if (openId.peek() !== id) return;
    batch(() => {
      lines.value = merged(lines.peek(), told.lines);
      older.value = told.more ? "some" : "none";
    });
  } catch {
    if (openId.peek() === id) older.value = "some";
  }
}

/** Ask anew about what the socket does not carry: slots, form, identities. */
export function refresh() {
  clearTimeout(refreshing);
  const id = openId.peek();
  refreshing = setTimeout(async () => {
    const told = await get(`/conversations/${id}`).catch(() => null);
    if (told && openId.peek() === id) conversation.value = told;
  }, REFRESH_AFTER);
}

/** @param {string} id @param {Line[]} news */
export function addLines(id, news) {
  settle(id, news, myId.peek());
  if (openId.peek() !== id) return;
  lines.value = merged(lines.peek(), news);
  if (news.some((line) => line.kind === "system" || line.author === "customer")) refresh();
}

/** The latest lines once more, when what was sent is not there yet. @param {string} id */
async function lookAgain(id) {
  const told = await get(`/conversations/${id}/transcript${query({ limit: PAGE })}`).catch(() => null);
  if (told) addLines(id, told.lines);
}

whenUnshown(lookAgain);

/** @param {Item[]} items */
export function addItems(items) {
  const now = conversation.peek();
  const item = items.find((one) => one.id === now?.id);
  if (!now || !item) return;
  const moved = item.state !== now.state || item.agent !== now.agent || item.team !== now.team;
  conversation.value = { ...now, ...item, customer: { ...now.customer, ...item.customer } };
  if (moved) refresh();
}

/** Tell that what stands there has been read, once somebody can have read it. */
export function markRead() {
  const id = openId.peek();
  const message = newest(lines.peek());
  if (!id || !message || document.hidden || state.peek() !== "ready") return;
  markSeen(id);
  tell({ type: "seen", conversation: id, message });
}

effect(() => {
  const id = openId.value;
  if (id) open(id);
  else {
    tell({ type: "close" });
    conversation.value = null;
    state.value = "empty";
  }
});

effect(() => {
  if (lines.value.length) markRead();
});
document.addEventListener("visibilitychange", markRead);

effect(() => {
  const id = openId.value;
  const mine = conversation.value?.agent === myId.value;
  if (!asked.value || !id || !mine) return;
  get(`/conversations/${id}/suggestions`)
    .then(({ items }) => {
      if (openId.peek() === id) suggestions.value = items.slice(0, 3);
    })
    .catch(() => {});
});
