/** The desk begins here: who is logged in decides what is shown. */

import { Commands } from "./commands.js";
import { clear as clearDrafts } from "./composer/drafts.js";
import { effect, html, render } from "./html.js";
import { clear as clearList } from "./list/conversations.js";
import { Login } from "./pages/login.js";
import { Shell } from "./pages/shell.js";
import { phase, start } from "./state/session.js";
import "./state/live.js";
import { Dialogs, hide } from "./ui/dialog.js";
import { Notices } from "./ui/notices.js";
import { words } from "./words/index.js";

const RETRY = 3_000;

function Desk() {
  if (phase.value === "login") return html`<${Login} />`;
  if (phase.value === "desk") return html`<${Shell} /><${Dialogs} /><${Commands} /><${Notices} />`;
  return html`<main class="starting"
    role="status">${phase.value === "unreachable" ? words.value.unreachable : ""}</main>`;
}

effect(() => {
  if (phase.value === "unreachable") setTimeout(start, RETRY);
  if (phase.value !== "desk") {
    clearList();
    clearDrafts();
    hide();
  }
});

effect(() => {
  document.title = words.value.title;
});

render(html`<${Desk} />`, /** @type {HTMLElement} */ (document.getElementById("desk")));
start();
