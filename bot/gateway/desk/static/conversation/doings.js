/** What an agent may do with a conversation now, and doing it. */

import { ApiError, post } from "../api.js";
import { signal } from "../html.js";
import { announce, notice } from "../state/notices.js";
import { nameOf } from "../state/session.js";
import { word, words } from "../words/index.js";

/** @import { Conversation } from "../types.js" */
/** @typedef {"take" | "step_in" | "take_over" | "take_up" | "wake" | "hand_back" | "transfer" | "snooze" | "close"} Action */

/** The doing that the server has not answered yet. */
export const busy = signal("");

/**
 * @param {Pick<Conversation, "state" | "agent">} conversation @param {string} me @param {boolean} supervisor
 * @returns {Action[]} The first is the most likely one.
 */
export function actionsFor({ state, agent }, me, supervisor) {
  if (state === "bot") return ["step_in"];
  if (state === "closed") return ["take_up"];
  if (state === "queued") return ["take", "transfer", "hand_back", "close"];
  if (agent === me)
    return state === "snoozed"
      ? ["wake", "hand_back", "transfer", "close"]
      : ["hand_back", "transfer", "snooze", "close"];
  return supervisor ? ["take_over", "hand_back", "transfer", "close"] : [];
}

/** @type {Record<string, string>} */
export const ACTION_ICONS = {
  take: "person",
  step_in: "person",
  take_over: "person",
  take_up: "person",
  wake: "bell",
  hand_back: "bot",
  transfer: "out",
  snooze: "clock",
  close: "check",
};

/** Those that are the doing `take` to the server. */
export const TAKING = ["take", "step_in", "take_over", "take_up", "wake"];

/**
 * @param {string} conversation @param {string} what @param {object} [more]
 * @returns {Promise<boolean>} Whether it is done, or is going to be. What was refused is told.
 */
export async function perform(conversation, what, more = {}) {
  if (busy.peek()) return false;
  busy.value = what;
  try {
    const told = await post(`/conversations/${conversation}/do`, { do: what, ...more });
    if (told.pending) notice(words.peek().doneSoon);
    else announce(words.peek().done);
    return true;
  } catch (error) {
    notice(refusal(error), "bad");
    return false;
  } finally {
    busy.value = "";
  }
}

/** Why the server did not do it, in words. @param {unknown} error */
export function refusal(error) {
  const { refused } = words.peek();
  if (!(error instanceof ApiError)) throw error;
  if (error.code === "taken" || error.code === "not_yours") {
    return error.told.has_it ? words.peek().hasIt(nameOf(error.told.has_it)) : refused[error.code];
  }
  return word(refused, error.code);
}
