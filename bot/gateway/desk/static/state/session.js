/** Who works here: the log-in, oneself, colleagues and teams. */

import { ApiError, get, post, useToken, whenExpired } from "../api.js";
import { batch, computed, signal } from "../html.js";

/** @import { Agent, Me, Team } from "../types.js" */

/** @type {import("../vendor/signals.js").Signal<Me | null>} */
export const me = signal(null);
/** @type {import("../vendor/signals.js").Signal<"starting" | "unreachable" | "login" | "desk">} */
export const phase = signal(/** @type {any} */ ("starting"));
/** Whether the session ended by itself, which the log-in explains. */
export const ranOut = signal(false);

/** @type {import("../vendor/signals.js").Signal<Map<string, Agent>>} */
export const agents = signal(new Map());
/** @type {import("../vendor/signals.js").ReadonlySignal<Map<number, Team>>} */
export const teams = computed(() => new Map((me.value?.teams ?? []).map((team) => [team.id, team])));

export const myId = computed(() => me.value?.agent.id ?? "");
export const isSupervisor = computed(() => ["supervisor", "admin"].includes(me.value?.agent.role ?? ""));
export const isAdmin = computed(() => me.value?.agent.role === "admin");
export const myTeams = computed(() => (me.value?.teams ?? []).filter((team) => team.members.includes(myId.value)));

/** Load who is logged in; shows the log-in if nobody is. */
export async function start() {
  try {
    const told = /** @type {Me} */ (await get("/me"));
    useToken(told.csrf);
    batch(() => {
      me.value = told;
      agents.value = new Map([...told.colleagues, told.agent].map((agent) => [agent.id, agent]));
      ranOut.value = false;
      phase.value = "desk";
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status !== 401) phase.value = "unreachable";
  }
}

/** @param {{login: string, password: string, code?: string}} credentials */
export async function logIn(credentials) {
  const { csrf } = await post("/login", credentials);
  useToken(csrf);
  await start();
}

export async function logOut() {
  await post("/logout").catch(() => {});
  sessionStorage.clear();
  expire(false);
}

/** Nobody is logged in any more. @param {boolean} byItself */
export function expire(byItself) {
  batch(() => {
    ranOut.value = byItself && phase.value === "desk";
    me.value = null;
    phase.value = "login";
  });
}

whenExpired(() => expire(true));

/** @param {Partial<Me["agent"]>} change */
export async function changeMyself(change) {
  await post("/me", change);
  updateAgents([{ .../** @type {Me} */ (me.value).agent, ...change }]);
}

/** What the server says of colleagues now. @param {Agent[]} changed */
export function updateAgents(changed) {
  const next = new Map(agents.value);
  for (const agent of changed) next.set(agent.id, { ...next.get(agent.id), ...agent });
  batch(() => {
    agents.value = next;
    const mine = next.get(myId.value);
    if (mine && me.value) me.value = { ...me.value, agent: mine };
  });
}

/** @param {string | null | undefined} id */
export const nameOf = (id) => (id && agents.value.get(id)?.name) || id || "";
