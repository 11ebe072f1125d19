/** The conversation that is open: its head, its transcript, its composer. */

import { Composer } from "../composer/composer.js";
import { html } from "../html.js";
import { href } from "../route.js";
import { view } from "../list/conversations.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { conversation, openId, state, open } from "./current.js";
import { Head } from "./head.js";
import { Transcript } from "./transcript.js";

export function ConversationPane() {
  const w = words.value;
  const id = openId.value;
  if (!id) {
    return html`<section class="conversation-pane nothing" aria-label=${w.conversation}><div class="empty">
    <${Icon} name="all" /><p>${w.chooseOne}</p><p class="hint">${w.chooseHint}</p></div></section>`;
  }
  if (state.value === "failed" || state.value === "unknown") {
    return html`<main class="conversation-pane nothing" id="main" tabindex="-1"><div class="empty">
    <${Icon} name="warn" />
      <h1>${state.value === "unknown" ? w.unknownConversation : w.conversationFailed}</h1>
      <p>${state.value === "failed" && html`<button type="button" class="plain"
        onClick=${() => open(id)}>${w.again}</button>`}
        <a class="plain button" href=${href(view.value)}>${w.backToList}</a></p></div></main>`;
  }
  if (!conversation.value)
    return html`<main class="conversation-pane nothing" id="main" tabindex="-1" aria-busy="true"></main>`;
  return html`
    <main class="conversation-pane" id="main" tabindex="-1">
      <${Head} one=${conversation.value} />
      <${Transcript} key=${id} />
      <${Composer} key=${`composer-${id}`} one=${conversation.value} />
    </main>
  `;
}
