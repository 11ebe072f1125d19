/** Forms that save: busy while they do, telling what went wrong. */

import { ApiError } from "../api.js";
import { refusal } from "../conversation/doings.js";
import { html, useState } from "../html.js";
import { notice } from "../state/notices.js";
import { words } from "../words/index.js";

/**
 * @param {() => Promise<unknown>} save Rejects with ApiError.
 * @param {Record<string, string>} [problems] Words for what may be refused here.
 * @param {string} [told] What is told when it is done; empty: nothing.
 */
export function useSaving(save, problems = {}, told = words.peek().saved) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const submit = async (/** @type {Event | undefined} */ event) => {
    event?.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await save();
      if (told) notice(told);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const why = typeof error.told.why === "string" ? `: ${error.told.why}` : "";
      setProblem(problems[error.code] ?? `${refusal(error)}${why}`);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, submit };
}

/** @param {{problem: string}} props */
export const Problem = ({ problem }) => html`<p class="told bad" role="alert">${problem}</p>`;

/** What is typed with commas between. @param {string} typed */
export const parts = (typed) =>
  typed
    .split(/[,，、]/)
    .map((part) => part.trim())
    .filter(Boolean);
