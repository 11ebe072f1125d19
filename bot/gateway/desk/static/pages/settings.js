/** Settings: one's own, this browser's, and for admins the desk's. */

import { html } from "../html.js";
import { href, route } from "../route.js";
import { isAdmin } from "../state/session.js";
import { words } from "../words/index.js";
import { AgentsSettings } from "./settings-agents.js";
import { DeviceSettings } from "./settings-device.js";
import { MyselfSettings } from "./settings-myself.js";
import { SavedSettings } from "./settings-saved.js";
import { SecuritySettings } from "./settings-security.js";
import { TeamsSettings } from "./settings-teams.js";
import { PageFrame } from "./frame.js";

/** @type {Record<string, any>} */
const TABS = {
  myself: MyselfSettings,
  device: DeviceSettings,
  security: SecuritySettings,
  saved: SavedSettings,
  agents: AgentsSettings,
  teams: TeamsSettings,
};
const ADMINS = ["agents", "teams"];

export function SettingsPage() {
  const w = words.value;
  const tabs = Object.keys(TABS).filter((tab) => isAdmin.value || !ADMINS.includes(tab));
  const here = tabs.includes(route.value.id ?? "") ? /** @type {string} */ (route.value.id) : "myself";
  return html`
    <${PageFrame} title=${w.pages.settings}>
      <nav class="page-tabs" aria-label=${w.pages.settings}>
        ${tabs.map((tab) => html`<a key=${tab} href=${href("settings", tab)}
          aria-current=${tab === here ? "page" : null}>${w.settings.tabs[tab]}</a>`)}
      </nav>
      <${TABS[here]} />
    <//>
  `;
}
