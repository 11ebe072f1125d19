/** Messages on their way: shown at once, and replaced by the server's line when that comes. */

import { ApiError, post } from "../api.js";
import { signal } from "../html.js";
import { newest, unshown } from "./lines.js";

/** @import { Content, Line, Pending, Reach } from "../types.js" */

/** Milliseconds until the transcript is asked for what the socket should have told by then. */
const SHOWN_WITHIN = 1_500;

/** @type {import("../vendor/signals.js").Signal<Pending[]>} */
export const pending = signal(/** @type {Pending[]} */ ([]));

/** @type {(conversation: string) => Promise<void>} */
let lookAgain = async () => {};

/** How the transcript is asked for anew. @param {(conversation: string) => Promise<void>} look */
export function whenUnshown(look) {
  lookAgain = look;
}

/**
 * Say something to the customer.
 * @param {string} conversation @param {Content} content @param {Reach | null} to @param {Line[]} lines
 * @param {boolean} isChosen Whether the agent chose where it goes. Else it goes where the customer is by then, who may
 *   have gone on elsewhere in this very moment.
 */
export function say(conversation, content, to, lines, isChosen) {
  /** @type {Pending} */
  const one = {
    ...{ key: crypto.randomUUID(), conversation, content, to, at: new Date().toISOString() },
    ...{ after: newest(lines), state: "sending", error: null, isChosen },
  };
  pending.value = [...pending.value, one];
  return attempt(one);
}

/** Once more: the same id, so that it is one message whatever became of the first attempt. @param {Pending} one */
export const again = (one) => attempt(one);

/** @param {string} key */
export function discard(key) {
  pending.value = pending.value.filter((one) => one.key !== key);
}

/** The server shows these now. @param {string} conversation @param {Line[]} news @param {string} me */
export function settle(conversation, news, me) {
  const mine = pending.peek().filter((one) => one.conversation === conversation);
  const left = new Set(unshown(mine, news, me));
  if (left.size < mine.length)
    pending.value = pending.peek().filter((one) => one.conversation !== conversation || left.has(one));
}

/** @param {Pending} one */
async function attempt(one) {
  mark(one.key, { state: "sending", error: null });
  try {
    const { conversation, content, to, key, isChosen } = one;
    const chosen = isChosen && to ? { to: to.identity } : {};
    await post(`/conversations/${conversation}/say`, { content, id: key, ...chosen });
  } catch (error) {
    mark(one.key, { state: "failed", error: error instanceof ApiError ? error.code : "failed" });
    return false;
  }
  mark(one.key, { state: "sent" });
  setTimeout(() => finish(one), SHOWN_WITHIN);
  return true;
}

/** @param {Pending} one */
async function finish(one) {
  const is = () => pending.peek().some(({ key }) => key === one.key);
  if (!is()) return;
  await lookAgain(one.conversation);
}

/** @param {string} key @param {Partial<Pending>} change */
function mark(key, change) {
  pending.value = pending.value.map((one) => (one.key === key ? { ...one, ...change } : one));
}
