/** Who did what, and who looked at whose data. */

import { get, query } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { moment } from "../format.js";
import { href } from "../route.js";
import { nameOf } from "../state/session.js";
import { word, words } from "../words/index.js";
import { PageFrame } from "./frame.js";

/** @typedef {{id: number, at: string, who: string, what: string, conversation: string | null, detail: Record<string, any>}} Entry */

export function AuditPage() {
  const w = words.value;
  return html`<${PageFrame} title=${w.pages.audit} hint=${w.auditHint}><${Audit} conversation=${null} /><//>`;
}

/** @param {{conversation: string | null}} props `null`: of all. */
export function Audit({ conversation }) {
  const w = words.value;
  const [entries, setEntries] = useState(/** @type {Entry[]} */ ([]));
  const [state, setState] = useState(/** @type {"loading" | "more" | "all" | "failed"} */ ("loading"));
  const load = async (/** @type {Entry[]} */ before) => {
    setState("loading");
    try {
      const told = await get(`/audit${query({ conversation, before: before.at(-1)?.id })}`);
      const items = told.items ?? told;
      setEntries([...before, ...items]);
      setState(items.length ? "more" : "all");
    } catch {
      setState("failed");
    }
  };
  useEffect(() => void load([]), [conversation]);
  return html`
    <ol class="audit">
      ${entries.map(
        (one) => html`
          <li key=${one.id}>
            <time class="hint" datetime=${one.at}>${moment(one.at)}</time>
            <span><strong>${w.authors[one.who] ?? nameOf(one.who)}</strong> ${word(w.audited, one.what)}${details(one)}</span>
            ${!conversation && one.conversation && html`<a class="link"
              href=${href("all", one.conversation)}>${w.conversation}</a>`}
          </li>
        `,
      )}
    </ol>
    ${state === "loading" && html`<p class="hint" role="status">${w.loading}</p>`}
    ${state === "failed" && html`<p class="hint" role="status">${w.failed}</p>`}
    ${!entries.length && state === "all" && html`<p class="hint">${w.nothingAudited}</p>`}
    ${state === "more" && html`<button type="button" class="link" onClick=${() => load(entries)}>${w.older}</button>`}
  `;
}

/** @param {Entry} one */
function details({ detail }) {
  const parts = Object.entries(detail ?? {}).map(
    ([name, value]) => `${name.replaceAll("_", " ")}: ${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  return parts.length ? html` <span class="hint">${parts.join(", ")}</span>` : "";
}
