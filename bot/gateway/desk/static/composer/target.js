/** Where a reply goes, whether it may go there now, and choosing another way. */

import { html } from "../html.js";
import { soon } from "../format.js";
import { now } from "../state/clock.js";
import { ChannelMark, channelName } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { Menu } from "../ui/menu.js";
import { words } from "../words/index.js";
import { redraft } from "./drafts.js";

/** @import { Conversation, Identity } from "../types.js" */

/** The identity that was chosen, else the one that the server would take. @param {Conversation} one @param {string | number | null} chosen @returns {Identity | null} */
export function targetOf(one, chosen) {
  const wanted = chosen ?? one.to?.identity;
  return one.identities.find((identity) => `${identity.id}` === `${wanted}`) ?? null;
}

/** Why nothing can be sent there now; null if it can. @param {Identity | null} identity */
export function problemOf(identity) {
  if (!identity) return null;
  if (identity.blocked) return "blocked";
  if (identity.window_ends && Date.parse(identity.window_ends) < now.value) return "window_closed";
  return identity.reachable ? null : "unreachable";
}

/** @param {{one: Conversation, target: Identity | null}} props */
export function Target({ one, target }) {
  const w = words.value;
  if (!target) return null;
  const entries = one.identities.map((identity) => ({
    label: `${channelName(identity.channel)}${identity.address_hint ? ` · ${identity.address_hint}` : ""}`,
    hint: w.problemsBrief[problemOf(identity) ?? ""] ?? "",
    checked: identity === target,
    run: () => redraft(one.id, { to: identity.id }),
  }));
  const ends = target.window_ends && Date.parse(target.window_ends) - now.value;
  return html`
    <div class="target">
      ${ends && ends > 0 && ends < 7_200_000 && html`<span class="hint target-window">
      <${Icon} name="clock" />${w.windowEnds(soon(/** @type {string} */ (target.window_ends)))}</span>`}
      <${Menu} label=${w.sendsTo} entries=${entries} class="quiet target-button" up>
        <span class="unseen">${w.sendsTo}: </span><${ChannelMark} channel=${target.channel} named />
        <${Icon} name="down" />
      <//>
    </div>
  `;
}
