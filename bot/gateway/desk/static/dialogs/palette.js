/** Everything by its name: what can be done here, and any conversation. */

import { get, query } from "../api.js";
import { act, possible } from "../conversation/acting.js";
import { ACTION_ICONS } from "../conversation/doings.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { SHORTCUTS } from "../keys.js";
import { list } from "../list/conversations.js";
import { go } from "../route.js";
import { change, device } from "../state/device.js";
import { isSupervisor } from "../state/session.js";
import { ChannelMark } from "../ui/channel.js";
import { Dialog, hide } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { language, words } from "../words/index.js";

/** @import { Item } from "../types.js" */
/** @typedef {{key: string, icon: string, label: string, hint?: string, channel?: string, run: () => void}} Entry */

const ASK_AFTER = 200;
const MOST = 8;

/** @param {{run: (name: string) => void}} props `run`: a command, by its name. */
export function Palette({ run }) {
  const w = words.value;
  const [q, setQ] = useState("");
  const [at, setAt] = useState(0);
  const [found, setFound] = useState(/** @type {Item[]} */ ([]));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!q.trim()) return setFound([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get(`/conversations${query({ view: "all", q: q.trim(), limit: MOST })}`, stop.signal)
        .then(({ items }) => setFound(items))
        .catch(() => {});
    }, ASK_AFTER);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [q]);
  useEffect(() => box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);

  const wanted = q.trim().toLowerCase();
  const known = list.value.items
    .filter((item) => wanted && (item.customer.name ?? "").toLowerCase().includes(wanted))
    .slice(0, MOST);
  const items = [...new Map([...known, ...found].map((item) => [item.id, item])).values()].slice(0, MOST);
  const entries = [
    ...commands(run).filter((one) => one.label.toLowerCase().includes(wanted)),
    ...items.map((item) => asEntry(item, w.somebody)),
  ];
  const here = Math.min(at, entries.length - 1);
  const search = (/** @type {string} */ text) => {
    setQ(text);
    setAt(0);
  };
  const choose = (/** @type {Entry} */ entry) => {
    hide();
    // After the dialog has given the focus back, so that the command has the last word on it.
    requestAnimationFrame(entry.run);
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && entries.length) {
      event.preventDefault();
      setAt((here + step + entries.length) % entries.length);
    }
  };
  return html`
    <${Dialog} title=${w.palette.title} bare class="palette" onSubmit=${() => entries[here] && choose(entries[here])}>
      <div class="palette-field"><${Icon} name="search" />
        <input type="text" role="combobox" autofocus autocomplete="off" spellcheck=${false} aria-expanded="true"
          aria-controls="palette-list" aria-label=${w.palette.title}
          aria-activedescendant=${entries.length ? `palette-${here}` : null} placeholder=${w.palette.placeholder}
            value=${q}
          onInput=${(/** @type {any} */ event) => search(event.target.value)} onKeyDown=${onKey} />
      </div>
      <ul id="palette-list" role="listbox" aria-label=${w.palette.title} ref=${box}>
        ${entries.map(
          (
            entry,
            index,
          ) => html`<li key=${entry.key} id=${`palette-${index}`} role="option" aria-selected=${index === here}
            class="palette-item" onClick=${() => choose(entry)}>
            ${entry.channel ? html`<${ChannelMark} channel=${entry.channel} />` : html`<${Icon}
              name=${entry.icon} />`}<span class="palette-label">${entry.label}</span>${entry.hint && html`<span
                class="hint">${entry.hint}</span>`}</li>`,
        )}
      </ul>
      ${!entries.length && html`<p class="empty" role="status">${w.nothingFound}</p>`}
    <//>
  `;
}

/** @param {Item} item @param {string} somebody @returns {Entry} */
const asEntry = (item, somebody) => ({
  ...{
    key: item.id,
    icon: "all",
    channel: item.channels[0],
    label: item.customer.name || somebody,
    hint: item.last?.text ?? "",
  },
  run: () => go("all", item.id),
});

/** @param {(name: string) => void} run @returns {Entry[]} */
function commands(run) {
  const w = words.value;
  const key = (/** @type {string} */ name) => SHORTCUTS.find((one) => one.name === name)?.keys;
  const pages = /** @type {(keyof typeof w.pages)[]} */ ([
    "queue",
    "mine",
    "team",
    "all",
    "closed",
    ...(isSupervisor.value ? ["live", "figures", "audit"] : []),
    "settings",
  ]);
  return [
    ...possible().map((action) => ({
      key: action,
      icon: ACTION_ICONS[action],
      label: w.actions[action],
      hint: key(action),
      run: () => act(action),
    })),
    ...(possible().length
      ? ["reply", "note"].map((name) => ({
          key: name,
          icon: name === "note" ? "note" : "send",
          label: w.help.names[name],
          hint: key(name),
          run: () => run(name),
        }))
      : []),
    ...pages.map((page) => ({
      key: `page-${page}`,
      icon: page,
      label: w.palette.goTo(w.pages[page]),
      run: () => go(page),
    })),
    { key: "help", icon: "key", label: w.help.title, hint: "?", run: () => run("help") },
    { key: "dark", icon: "eye", label: w.palette.theme, run: () => change({ theme: isDark() ? "light" : "dark" }) },
    {
      key: "language",
      icon: "all",
      label: language.value === "zh" ? "English" : "中文",
      run: () => change({ language: language.value === "zh" ? "en" : "zh" }),
    },
  ];
}

const isDark = () =>
  device.peek().theme === "system"
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : device.peek().theme === "dark";
