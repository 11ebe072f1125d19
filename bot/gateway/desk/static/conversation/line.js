/** One message in the transcript: who said it, where, what, and what became of it. */

import { asDraft, redraft } from "../composer/drafts.js";
import { composerFocus } from "../composer/focus.js";
import { classes, html, useState } from "../html.js";
import { moment, time } from "../format.js";
import { conversation } from "./current.js";
import { myId, nameOf } from "../state/session.js";
import { channelName } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { word, words } from "../words/index.js";
import { Said } from "./said.js";
import { again, discard } from "./sending.js";
import { UnderstandingView } from "./understanding.js";

/** @import { Line, Pending } from "../types.js" */

/** @param {{line: Line, first: boolean}} props */
export function MessageLine({ line, first }) {
  const w = words.value;
  const [asks, setAsks] = useState(false);
  const isTheirs = line.author === "customer";
  if (isTheirs && line.content.type === "start")
    return html`<p class="system">${w.cameIn} · <time datetime=${line.at}>${time(line.at)}</time></p>`;
  return html`
    <article class=${classes("line", isTheirs ? "theirs" : "ours", `by-${line.author}`, first && "first", line.state === "failed" && "has-failed")}
      aria-label=${w.lineBy(whose(line), moment(line.at))}>
      ${first && html`<p class="line-who">${whose(line)}</p>`}
      <div class="line-body">
        <${Said} content=${line.content} author=${line.author} />
        ${
          isTheirs &&
          html`<button type="button" class="quiet line-ask" aria-expanded=${asks} aria-label=${w.understood}
            title=${w.understood}
          onClick=${() => setAsks(!asks)}><${Icon} name="bulb" /></button>`
        }
      </div>
      <p class="line-foot">
        <time datetime=${line.at} title=${moment(line.at)}>${time(line.at)}</time>
        ${!isTheirs && html`<${Delivery} line=${line} />`}
        ${Boolean(line.content.revised) && html`<span>${w.revised}</span>`}
        ${Boolean(line.content.taken_back) && html`<span>${w.takenBack}</span>`}
      </p>
      ${asks && html`<${UnderstandingView} id=${line.id} />`}
    </article>
  `;
}

/** @param {Line} line */
function whose(line) {
  const w = words.value;
  if (line.author === "customer") return conversation.value?.customer.name || w.somebody;
  if (line.author === "agent") return line.agent === myId.value ? w.you : nameOf(line.agent);
  return w.bot;
}

/** @param {{line: Line}} props */
function Delivery({ line }) {
  const w = words.value;
  const state = line.read_at ? "read" : line.delivered_at ? "delivered" : line.state;
  const icon =
    { read: "checks", delivered: "checks", sent: "check", failed: "warn", uncertain: "warn" }[state] ?? "clock";
  const isBad = state === "failed" || state === "uncertain";
  const at = line.read_at ?? line.delivered_at;
  return html`<span class=${classes("delivery", `is-${state}`)} title=${at ? moment(at) : null}>
    <${Icon} name=${icon} /><span
      class=${isBad || line.attempts > 1 ? "" : "unseen"}>${word(w.delivery, state)}${isBad && line.error ? `: ${line.error}` : ""}${
      state === "queued" && line.attempts > 0 ? ` (${w.attempts(line.attempts)})` : ""
    }</span></span>`;
}

/** What was sent from here and is not in the transcript yet. @param {{one: Pending}} props */
export function PendingLine({ one }) {
  const w = words.value;
  const edit = () => {
    redraft(one.conversation, asDraft(one.content));
    discard(one.key);
    composerFocus("reply");
  };
  const hasFailed = one.state === "failed";
  return html`
    <article class=${classes("line ours by-agent first pending", hasFailed && "has-failed")}
      aria-label=${w.lineBy(w.you, moment(one.at))}>
      <p class="line-who">${w.you}${one.to && html` · ${channelName(one.to.channel)}`}</p>
      <div class="line-body"><${Said} content=${one.content} author="agent" /></div>
      <p class="line-foot" role=${hasFailed ? "alert" : null}>
        ${
          hasFailed
            ? html`<span class="delivery is-failed">
            <${Icon} name="warn" />${word(w.refused, one.error ?? "failed")}</span>
              <button type="button" class="link" onClick=${() => again(one)}>${w.again}</button>
              <button type="button" class="link" onClick=${edit}>${w.edit}</button>
              <button type="button" class="link" onClick=${() => discard(one.key)}>${w.discard}</button>`
            : html`<time datetime=${one.at}>${time(one.at)}</time><span class="delivery"><${Icon} name="clock" />
            <span class="unseen">${w.delivery.sending}</span></span>`
        }
      </p>
    </article>
  `;
}
