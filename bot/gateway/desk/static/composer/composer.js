/** Where agents write: to the customer, or to each other. What is written is kept until it is sent. */

import { ApiError, post } from "../api.js";
import { classes, html, useLayoutEffect, useRef, useState } from "../html.js";
import { lines, suggestions } from "../conversation/current.js";
import { actionsFor, busy, perform, refusal } from "../conversation/doings.js";
import { say } from "../conversation/sending.js";
import { device } from "../state/device.js";
import { notice } from "../state/notices.js";
import { agents, isSupervisor, myId, nameOf } from "../state/session.js";
import { tell } from "../state/socket.js";
import { Check } from "../ui/field.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { attach, Attached, Tools } from "./attached.js";
import { contentOf, draftOf, isEmpty, redraft } from "./drafts.js";
import { composerFocus, useSuggestion } from "./focus.js";
import { PreviewPane } from "./preview.js";
import { Mentions, mentioned } from "./mentions.js";
import { Quick } from "./quick.js";
import { Target, targetOf, problemOf } from "./target.js";

/** @import { Conversation } from "../types.js" */

const TYPING_EVERY = 3_000;

/** @param {{one: Conversation}} props */
export function Composer({ one }) {
  const w = words.value;
  const draft = draftOf(one.id);
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const toldAt = useRef(0);
  const [picks, setPicks] = useState(/** @type {"" | "saved" | "mentions"} */ (""));
  const [previews, setPreviews] = useState(false);
  const isNote = draft.mode === "note";
  const isMine = one.agent === myId.value && ["agent", "snoozed"].includes(one.state);
  const target = targetOf(one, draft.to);
  const problem = problemOf(target);
  // What nobody has may be answered at once: it is taken with the first word.
  const taking = isMine || one.agent ? null : actionsFor(one, myId.value, isSupervisor.value)[0];
  const text = isNote ? draft.note : draft.text;
  const set = (/** @type {string} */ value) => redraft(one.id, isNote ? { note: value } : { text: value });

  useLayoutEffect(() => fit(field.current), [text, isNote]);
  // At once: what is typed before the next painting opens a list again.
  useLayoutEffect(() => setPicks(""), [isNote]);

  const onInput = (/** @type {any} */ event) => {
    const { value, selectionStart } = event.target;
    set(value);
    const before = value.slice(0, selectionStart);
    setPicks(
      !isNote && /^\/\S*$/u.test(before) ? "saved" : isNote && /(^|\s)@[^\s@]*$/u.test(before) ? "mentions" : "",
    );
    if (isNote || Date.now() - toldAt.current < TYPING_EVERY) return;
    toldAt.current = Date.now();
    tell({ type: "typing", conversation: one.id });
  };
  const send = async () => {
    if (isNote) return note();
    if (isEmpty(draft) || !(isMine || taking) || problem || busy.peek()) return;
    if (taking && !(await perform(one.id, "take"))) return;
    const sent = contentOf(draft);
    redraft(one.id, { text: "", options: [], cards: [], file: null });
    setPreviews(false);
    field.current?.focus();
    const to = target && { identity: target.id, channel: target.channel };
    await say(one.id, sent, to, lines.peek(), draft.to !== null);
  };
  const note = async () => {
    const written = draft.note.trim();
    if (!written) return;
    redraft(one.id, { note: "", whisper: false });
    try {
      await post(`/conversations/${one.id}/notes`, {
        ...{ text: written, mentions: mentioned(written, [...agents.peek().values()]) },
        ...(draft.whisper && one.agent && { whisper_to: one.agent }),
      });
    } catch (error) {
      if (error instanceof ApiError) notice(refusal(error), "bad");
      // What was written meanwhile is not written over.
      redraft(one.id, { note: `${written}${draftOf(one.id).note && `\n${draftOf(one.id).note}`}` });
    }
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const sends =
      event.key === "Enter" && (event.ctrlKey || event.metaKey || (device.value.enterSends && !event.shiftKey));
    if (sends && !picks) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && !picks) {
      document.getElementById("conversation-name")?.focus();
    }
  };
  const insert = (/** @type {Partial<import("./drafts.js").Draft>} */ change) => {
    redraft(one.id, change);
    setPicks("");
    composerFocus(change.mode ?? draft.mode);
  };
  const mayWrite = isNote || ((isMine || taking) && !problem);
  return html`
    <section class=${classes("composer", isNote && "is-note")} aria-label=${w.composer}>
      <div class="composer-head">
        <div class="tabs" role="group" aria-label=${w.writes}>
          <button type="button" class="tab" aria-pressed=${!isNote}
            onClick=${() => composerFocus("reply")}>${w.reply}</button>
          <button type="button" class="tab" aria-pressed=${isNote} onClick=${() => composerFocus("note")}>
          <${Icon} name="note" />${w.note}</button>
        </div>
        ${!isNote && html`<${Target} one=${one} target=${target} />`}
      </div>
      ${!isNote && isMine && !problem && suggestions.value.length > 0 && html`<${Suggestions} />`}
      ${!isNote && html`<${Hindrance} one=${one} mayWrite=${isMine || Boolean(taking)} problem=${problem} />`}
      ${
        mayWrite &&
        html`
        <div class="composer-field">
          ${picks === "saved" && html`<${Quick} one=${one} text=${draft.text} to=${target?.id ?? null} field=${field}
            onPick=${insert} onClose=${() => setPicks("")} />`}
          ${picks === "mentions" && html`<${Mentions} text=${draft.note} field=${field}
            onPick=${(/** @type {string} */ value) => insert({ note: value, mode: "note" })}
              onClose=${() => setPicks("")} />`}
          <textarea id="composer" ref=${field} rows="1" dir="auto" value=${text} aria-label=${isNote ? w.note : w.reply}
            placeholder=${isNote ? w.notePlaceholder : (taking && w.notYours[one.state]) || w.replyPlaceholder}
              onInput=${onInput} onKeyDown=${onKey}
            onPaste=${(/** @type {ClipboardEvent} */ event) => isNote || pasted(event, one.id)}></textarea>
        </div>
        ${!isNote && html`<${Attached} id=${one.id} draft=${draft} />`}
        ${previews && !isNote && html`<${PreviewPane} id=${one.id} content=${contentOf(draft)}
          to=${target?.id ?? null} />`}
        <div class="composer-foot">
          ${
            isNote
              ? html`<${Whisper} one=${one} checked=${draft.whisper} />`
              : html`<${Tools} id=${one.id} draft=${draft} onSaved=${() => {
                  set("/");
                  setPicks("saved");
                  field.current?.focus();
                }}
            previews=${previews} onPreview=${() => setPreviews(!previews)} />`
          }
          <button type="button" class="strong send" disabled=${isNote ? !draft.note.trim() : isEmpty(draft)}
            onClick=${send}>
            <${Icon} name=${isNote ? "note" : "send"} />${isNote ? w.addNote : taking ? w.sendBy[taking] : w.send}</button>
        </div>`
      }
    </section>
  `;
}

/** Why nothing can be written now, and what can be done instead. @param {{one: Conversation, mayWrite: boolean, problem: string | null}} props */
function Hindrance({ one, mayWrite, problem }) {
  const w = words.value;
  if (!mayWrite)
    return html`<p class="hindrance"><${Icon} name="person" /><span>${w.others(nameOf(one.agent))}</span></p>`;
  if (!problem) return null;
  const possible = one.identities.filter((identity) => problemOf(identity) === null);
  return html`
    <div class="hindrance bad" role="status"><${Icon} name="warn" />
      <div><p>${w.problems[problem]}</p>
        <p class="hindrance-ways">${possible.length ? "" : w.problemsInstead}
          ${possible.map(
            (identity) =>
              html`<button type="button" class="plain" onClick=${() => {
                redraft(one.id, { to: identity.id });
                composerFocus("reply");
              }}>${w.writeOn(w.channels[identity.channel] ?? identity.channel)}</button>`,
          )}
          ${!possible.length && html`<button type="button" class="plain"
            onClick=${() => composerFocus("note")}>${w.writeNote}</button>`}</p></div>
    </div>`;
}

/** Best answers to the newest message, one key each. */
function Suggestions() {
  const w = words.value;
  return html`
    <div class="suggestions" role="group" aria-label=${w.suggestions}>
      ${suggestions.value.map(
        (
          one,
          index,
        ) => html`<button type="button" class="chip" key=${one.title} onClick=${() => useSuggestion(one)}
          title=${one.content.text ?? one.title}
          aria-keyshortcuts="Alt+${index + 1}"><kbd>Alt ${index + 1}</kbd><span>${one.title}</span></button>`,
      )}
    </div>
  `;
}

/** A supervisor's word to the agent who has it. @param {{one: Conversation, checked: boolean}} props */
function Whisper({ one, checked }) {
  const w = words.value;
  const offers = isSupervisor.value && one.agent && one.agent !== myId.value;
  return offers
    ? html`<${Check} label=${w.whisperTo(nameOf(one.agent))} checked=${checked}
      onInput=${(/** @type {boolean} */ whisper) => redraft(one.id, { whisper })} />`
    : html`<span class="hint composer-hint">${w.noteHint}</span>`;
}

/** As high as what stands in it. @param {HTMLTextAreaElement | null} node */
function fit(node) {
  if (!node) return;
  node.style.height = "auto";
  node.style.height = `${node.scrollHeight + 2}px`;
}

/** A picture from the clipboard. @param {ClipboardEvent} event @param {string} id */
function pasted(event, id) {
  const file = event.clipboardData?.files[0];
  if (!file) return;
  event.preventDefault();
  attach(id, file);
}
