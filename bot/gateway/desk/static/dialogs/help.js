/** All shortcuts. */

import { html } from "../html.js";
import { SHORTCUTS } from "../keys.js";
import { device } from "../state/device.js";
import { Dialog } from "../ui/dialog.js";
import { words } from "../words/index.js";

const GROUPS = /** @type {const} */ (["lists", "conversation", "everywhere"]);
const MOD = /mac/i.test(navigator.platform) ? "⌘" : "Ctrl";

export function Help() {
  const w = words.value;
  return html`
    <${Dialog} title=${w.help.title} wide>
      ${!device.value.keys && html`<p class="told">${w.help.off}</p>`}
      <div class="shortcuts">
        ${GROUPS.map(
          (group) => html`
            <section>
              <h3>${w.help.groups[group]}</h3>
              <dl>
                ${SHORTCUTS.filter((one) => one.group === group).map(
                  ({ keys, name }) =>
                    html`<div><dt>${w.help.names[name]}</dt><dd>${keys
                      .split(/[ +]/)
                      .map((key) => html`<kbd>${key === "Mod" ? MOD : key}</kbd>`)}</dd></div>`,
                )}
              </dl>
            </section>
          `,
        )}
        <section>
          <h3>${w.help.groups.writing}</h3>
          <dl>${w.help.writing.map(([keys, does]) => html`<div><dt>${does}</dt><dd><kbd>${keys}</kbd></dd></div>`)}</dl>
        </section>
      </div>
    <//>
  `;
}
