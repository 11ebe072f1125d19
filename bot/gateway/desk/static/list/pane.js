/** The list of conversations with its search and filters. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { href, route } from "../route.js";
import { me, teams } from "../state/session.js";
import { channelName } from "../ui/channel.js";
import { Icon } from "../ui/icon.js";
import { Menu } from "../ui/menu.js";
import { words } from "../words/index.js";
import { cursor, filter, filters, list, load, more, view } from "./conversations.js";
import { Row } from "./row.js";
import { VirtualList } from "./virtual.js";

const HEIGHT = 76;
const SEARCH_AFTER = 250;

export function ListPane() {
  const w = words.value;
  const shown = view.value;
  const title = w.pages[/** @type {"queue"} */ (shown)];
  useEffect(() => {
    if (!["queue", "team"].includes(shown)) filters.value = { ...filters.peek(), team: null };
    load();
  }, [shown]);
  const { items, total, state } = list.value;
  const at = cursor.value ? items.findIndex((item) => item.id === cursor.value) : -1;
  const open = route.value.id;
  useLayoutEffect(() => {
    if (open) cursor.value = open;
  }, [open]);
  const count = state === "loading" ? 8 : total;
  const row = (/** @type {number} */ index) => {
    const item = items[index];
    if (!item) return html`<div class="row skeleton" aria-hidden="true"><i></i><i></i><i></i></div>`;
    const isFirst = at < 0 && index === 0;
    return html`<${Row} item=${item} href=${href(shown, item.id)} isOpen=${open === item.id}
      isAt=${isFirst || at === index} view=${shown} />`;
  };
  return html`
    <${open ? "section" : "main"} class="list-pane" aria-label=${title} id=${open ? null : "main"} tabindex="-1">
      <header class="list-head">
        <${open ? "h2" : "h1"} class="list-title">${title}<//>
        <span class="list-total" aria-live="off">${state === "ready" ? w.conversations(total) : ""}</span>
        <${Filters} />
      </header>
      <${Search} key=${shown} />
      <${Chosen} />
      ${state === "failed" && html`<p class="empty">${w.listFailed} <button type="button" class="link"
        onClick=${() => load()}>${w.again}</button></p>`}
      ${
        state === "ready" && !items.length
          ? html`<${Empty} view=${shown} />`
          : html`
        <${VirtualList} count=${count} loaded=${items.length} height=${HEIGHT} at=${at} label=${title}
          busy=${state === "loading"}
          row=${row} name=${(/** @type {number} */ index) => items[index]?.id ?? `empty-${index}`}
          near=${(/** @type {number} */ last) => last > items.length - 20 && state === "ready" && more()} />`
      }
    <//>
  `;
}

/** @param {{view: string}} props */
function Empty({ view }) {
  const w = words.value;
  const isNarrowed = filters.value.q || filters.value.label || filters.value.channel || filters.value.team !== null;
  return html`<div class="empty list-empty"><${Icon} name=${isNarrowed ? "search" : view} />
    <p>${isNarrowed ? w.nothingFound : w.emptyLists[/** @type {"queue"} */ (view)]}</p></div>`;
}

function Search() {
  const w = words.value;
  const [q, setQ] = useState(filters.value.q);
  const timer = useRef(0);
  const search = (/** @type {string} */ text) => {
    setQ(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => filter({ q: text.trim() }), SEARCH_AFTER);
  };
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      if (filters.peek().q) filters.value = { ...filters.peek(), q: "" };
    },
    [],
  );
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && q) {
      event.preventDefault();
      search("");
    } else if (event.key === "ArrowDown" || event.key === "Escape") {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (document.querySelector(".virtual .row[tabindex='0']"))?.focus();
    }
  };
  return html`
    <search class="search">
      <${Icon} name="search" />
      <input id="search" type="search" placeholder=${w.search} aria-label=${w.search} value=${q}
        onInput=${(/** @type {any} */ event) => search(event.target.value)} onKeyDown=${onKey} enterkeyhint="search" />
      <kbd aria-hidden="true">/</kbd>
    </search>
  `;
}

function Filters() {
  const w = words.value;
  const { team, channel } = filters.value;
  const entries = [
    ...(me.value?.settings.channels ?? []).map((name) => ({
      label: channelName(name),
      checked: channel === name,
      run: () => filter({ channel: channel === name ? "" : name }),
    })),
    // Only these two lists are a team's.
    ...(["queue", "team"].includes(view.value) ? [...teams.value.values()] : []).map((one) => ({
      label: one.name,
      checked: team === one.id,
      run: () => filter({ team: team === one.id ? null : one.id }),
    })),
  ];
  return html`<${Menu} label=${w.filter} entries=${entries} icon="settings" class="quiet square filter-button" />`;
}

/** The filters that are on, each to be taken off. */
function Chosen() {
  const w = words.value;
  const { team, channel, label } = filters.value;
  const chosen = [
    team !== null && { name: teams.value.get(team)?.name ?? `${team}`, off: () => filter({ team: null }) },
    channel && { name: channelName(channel), off: () => filter({ channel: "" }) },
    label && { name: `#${label}`, off: () => filter({ label: "" }) },
  ].filter((one) => one !== false && one !== "");
  if (!chosen.length) return null;
  return html`<div class="chosen">${chosen.map(
    (one) =>
      html`<button type="button" class="chip" onClick=${one.off}
        aria-label=${w.withoutFilter(one.name)}>${one.name}<${Icon} name="close" /></button>`,
  )}</div>`;
}
