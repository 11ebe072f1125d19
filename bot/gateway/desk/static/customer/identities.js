/** Where the customer is known from, and how surely; linking, suspending, undoing a merge. */

import { ApiError, post } from "../api.js";
import { refresh } from "../conversation/current.js";
import { refusal } from "../conversation/doings.js";
import { Confirm } from "../dialogs/confirm.js";
import { LinkCodeDialog } from "../dialogs/link-code.js";
import { html } from "../html.js";
import { brief, date, soon } from "../format.js";
import { problemOf } from "../composer/target.js";
import { notice } from "../state/notices.js";
import { ChannelMark, channelName } from "../ui/channel.js";
import { show } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { Menu } from "../ui/menu.js";
import { word, words } from "../words/index.js";

/** @import { Conversation, Identity, Merge } from "../types.js" */

/** @param {{one: Conversation}} props */
export function Identities({ one }) {
  const w = words.value;
  return html`
    <ul class="identities">${one.identities.map((identity) => html`<${IdentityView} key=${identity.id}
      identity=${identity} />`)}</ul>
    ${one.merges.filter((merge) => !merge.undone_at).map((merge) => html`<${MergeView} key=${merge.id}
      merge=${merge} />`)}
    <button type="button" class="link" onClick=${() => show(LinkCodeDialog, { id: one.id })}>
    <${Icon} name="link" />${w.linkCode.make}</button>
  `;
}

/** @param {{identity: Identity}} props */
function IdentityView({ identity }) {
  const w = words.value;
  const isSuspended = identity.linked_how === "suspended";
  const problem = problemOf(identity);
  const name = identity.address_hint || identity.external_id;
  const entries = [
    isSuspended
      ? { label: w.restore, run: () => change(identity, "restore") }
      : {
          label: w.suspend,
          danger: true,
          run: () =>
            show(Confirm, {
              title: w.suspendTitle(channelName(identity.channel)),
              text: w.suspendText,
              label: w.suspend,
              then: () => change(identity, "suspend"),
            }),
        },
  ];
  return html`
    <li class="identity">
      <${ChannelMark} channel=${identity.channel} />
      <div>
        <p class="identity-name" title=${identity.external_id}>${name}</p>
        <p class="hint">${word(w.assurances, identity.assurance)}${identity.linked_how ? ` · ${word(w.linkedHow, identity.linked_how)}` : ""}${
          identity.linked_at ? ` ${date(identity.linked_at)}` : ""
        }</p>
        <p class="hint">${problem ? html`<span
          class="bad">${w.problemsBrief[problem]}</span>` : identity.window_ends ? w.windowUntil(soon(identity.window_ends)) : w.reachable}${
          identity.last_heard_at ? ` · ${w.lastHeard(brief(identity.last_heard_at))}` : ""
        }</p>
      </div>
      <${Menu} label=${w.moreFor(channelName(identity.channel))} entries=${entries} />
    </li>
  `;
}

/** @param {{merge: Merge}} props */
function MergeView({ merge }) {
  const w = words.value;
  const channels = merge.channels.map(channelName).join(", ");
  const undo = () =>
    show(Confirm, {
      title: w.undoMergeTitle,
      text: w.undoMergeText(channels),
      label: w.undoMerge,
      then: () => attempt(`/merges/${merge.id}/undo`),
    });
  return html`<p class="merge"><span>${w.mergedOn(channels, date(merge.at))}</span>
    <button type="button" class="link" onClick=${undo}><${Icon} name="undo" />${w.undoMerge}</button></p>`;
}

/** @param {Identity} identity @param {"suspend" | "restore"} what */
const change = (identity, what) => attempt(`/identities/${identity.id}/${what}`);

/** @param {string} path */
async function attempt(path) {
  try {
    await post(path);
    notice(words.peek().done);
    refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notice(refusal(error), "bad");
  }
}
