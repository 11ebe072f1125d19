/** The frame: the rail, and beside it the list with its conversation, or a page. */

import { ConversationPane } from "../conversation/pane.js";
import { openId } from "../conversation/current.js";
import { CustomerPanel } from "../customer/panel.js";
import { classes, html } from "../html.js";
import { ListPane } from "../list/pane.js";
import { isList, route } from "../route.js";
import { device } from "../state/device.js";
import { isSupervisor } from "../state/session.js";
import { connection } from "../state/socket.js";
import { words } from "../words/index.js";
import { AuditPage } from "./audit.js";
import { FiguresPage } from "./figures.js";
import { LivePage } from "./live.js";
import { Rail } from "./rail.js";
import { SettingsPage } from "./settings.js";

export function Shell() {
  const opened = isList.value && openId.value;
  return html`
    <a class="skip" href="#main" onClick=${skip}>${words.value.skip}</a>
    <div class=${classes("shell", !isList.value && "on-page", opened && "on-conversation", device.value.panel && "with-panel")}>
      <${Rail} />
      <${Trouble} />
      ${isList.value ? html`<${ListPane} />
      <${ConversationPane} />${opened && device.value.panel && html`<${CustomerPanel} />`}` : html`<${Page} />`}
    </div>
  `;
}

function Page() {
  const { page } = route.value;
  if (page === "settings") return html`<${SettingsPage} />`;
  if (!isSupervisor.value)
    return html`<main id="main" class="page" tabindex="-1"><p class="empty">${words.value.notAllowed}</p></main>`;
  if (page === "live") return html`<${LivePage} />`;
  if (page === "figures") return html`<${FiguresPage} />`;
  return html`<${AuditPage} />`;
}

function Trouble() {
  return html`<div class="trouble"
    role="status">${connection.value === "reconnecting" ? html`<span>${words.value.reconnecting}</span>` : ""}</div>`;
}

/** To the main part, and not to an address. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
