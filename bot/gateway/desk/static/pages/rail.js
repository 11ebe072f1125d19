/** The rail: where to go, how much is there, and who one is. */

import { html } from "../html.js";
import { counts, view } from "../list/conversations.js";
import { href, isList, route } from "../route.js";
import { changeMyself, isSupervisor, logOut, me } from "../state/session.js";
import { run } from "../commands.js";
import { Avatar } from "../ui/avatar.js";
import { Icon } from "../ui/icon.js";
import { Menu } from "../ui/menu.js";
import { words } from "../words/index.js";

const LISTS = /** @type {const} */ (["queue", "mine", "team", "all", "closed"]);
const SUPERVISION = /** @type {const} */ (["live", "figures", "audit"]);

export function Rail() {
  const w = words.value;
  return html`
    <nav class="rail" aria-label=${w.navigation}>
      <div class="brand"><img src="/desk/static/icon.svg" alt="" width="26" height="26" /><span>${w.title}</span></div>
      <ul class="rail-list">
        ${LISTS.map((page) => html`<${RailLink} page=${page} count=${countOf(page)} />`)}
        ${isSupervisor.value && SUPERVISION.map((page) => html`<${RailLink} page=${page} />`)}
      </ul>
      <div class="rail-end">
        <button type="button" class="rail-link rail-search" onClick=${() => run("palette")}>
          <${Icon} name="search" /><span>${w.palette.title}</span>
          <kbd>${/mac/i.test(navigator.platform) ? "⌘K" : "Ctrl K"}</kbd>
        </button>
        <ul><${RailLink} page="settings" /></ul>
        <${Myself} />
      </div>
    </nav>
  `;
}

/** @param {string} page */
const countOf = (page) =>
  page === "queue" ? counts.value.queue : page === "mine" ? counts.value.mine : page === "team" ? counts.value.team : 0;

/** @param {{page: keyof import("../words/index.js").Words["pages"], count?: number}} props */
function RailLink({ page, count = 0 }) {
  const isHere = isList.value ? view.value === page : route.value.page === page;
  return html`
    <li class="rail-item rail-${page}">
      <a class="rail-link" href=${href(page)} aria-current=${isHere ? "page" : null} title=${words.value.pages[page]}>
        <${Icon} name=${page} /><span class="rail-name">${words.value.pages[page]}</span>
        ${count > 0 && html`<span class="count">${count > 999 ? "999+" : count}</span>`}
      </a>
    </li>
  `;
}

function Myself() {
  const w = words.value;
  const agent = /** @type {import("../types.js").Agent} */ (me.value?.agent);
  const isAway = agent.availability === "away";
  const entries = [
    ...["available", "away"].map((availability) => ({
      label: w.availability[availability],
      checked: agent.availability === availability,
      run: () => changeMyself({ availability: /** @type {any} */ (availability) }),
    })),
    { label: w.help.title, hint: "?", run: () => run("help") },
    { label: w.logOut, icon: "out", run: logOut },
  ];
  return html`
    <${Menu} label=${w.myself(agent.name)} entries=${entries} class="rail-link myself" up>
      <span class="with-state ${isAway ? "is-away" : "is-available"}">
      <${Avatar} name=${agent.name} id=${agent.id} small /></span>
      <span class="rail-name"><span class="myself-name">${agent.name}</span>
      <span class="hint">${w.availability[agent.availability]}</span></span>
      <span class="unseen">${w.myMenu}</span>
    <//>
  `;
}
