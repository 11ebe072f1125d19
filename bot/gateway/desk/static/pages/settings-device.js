/** What this browser does: looks, language, sounds, notifications, keys. */

import { html } from "../html.js";
import { askForNotifications, chime } from "../state/alerts.js";
import { change, device } from "../state/device.js";
import { notice } from "../state/notices.js";
import { Check, Choice } from "../ui/field.js";
import { words } from "../words/index.js";

export function DeviceSettings() {
  const w = words.value;
  const { theme, language, sound, notifications, keys, enterSends } = device.value;
  const notify = async (/** @type {boolean} */ wanted) => {
    if (!wanted) change({ notifications: false });
    else if (!(await askForNotifications())) notice(w.settings.notificationsDenied, "bad");
  };
  const hear = (/** @type {boolean} */ wanted) => {
    change({ sound: wanted });
    chime();
  };
  return html`
    <section class="card-form-page">
      <${Choice} label=${w.settings.theme} value=${theme}
        onInput=${(/** @type {any} */ value) => change({ theme: value })}
        options=${["system", "light", "dark"].map((value) => ({ value, label: w.settings.themes[value] }))} />
      <${Choice} label=${w.settings.language} value=${language}
        onInput=${(/** @type {any} */ value) => change({ language: value })}
        options=${[
          { value: "", label: w.settings.browserLanguage },
          { value: "en", label: "English" },
          { value: "zh", label: "中文" },
        ]} />
      <${Check} label=${w.settings.sound} checked=${sound} onInput=${hear} />
      <${Check} label=${w.settings.notifications} hint=${w.settings.notificationsHint} checked=${notifications}
        onInput=${notify} />
      <${Check} label=${w.settings.enterSends} hint=${w.settings.enterHint} checked=${enterSends}
        onInput=${(/** @type {boolean} */ value) => change({ enterSends: value })} />
      <${Check} label=${w.settings.keys} hint=${w.settings.keysHint} checked=${keys}
        onInput=${(/** @type {boolean} */ value) => change({ keys: value })} />
    </section>
  `;
}
