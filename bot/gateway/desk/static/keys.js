/** The keyboard: which key does what, wherever the focus is not in a field. */

import { device } from "./state/device.js";

/**
 * @typedef {{keys: string, group: "lists" | "conversation" | "everywhere", name: string}} Shortcut
 *   `name`: of its words, and of the command that it runs.
 */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { keys: "Mod+K", group: "everywhere", name: "palette" },
  { keys: "?", group: "everywhere", name: "help" },
  { keys: "/", group: "lists", name: "search" },
  { keys: "J", group: "lists", name: "down" },
  { keys: "K", group: "lists", name: "up" },
  { keys: "Enter", group: "lists", name: "open" },
  { keys: "G Q", group: "lists", name: "goQueue" },
  { keys: "G M", group: "lists", name: "goMine" },
  { keys: "G T", group: "lists", name: "goTeam" },
  { keys: "G A", group: "lists", name: "goAll" },
  { keys: "U", group: "lists", name: "leave" },
  { keys: "R", group: "conversation", name: "reply" },
  { keys: "N", group: "conversation", name: "note" },
  { keys: "T", group: "conversation", name: "take" },
  { keys: "B", group: "conversation", name: "hand_back" },
  { keys: "X", group: "conversation", name: "transfer" },
  { keys: "S", group: "conversation", name: "snooze" },
  { keys: "E", group: "conversation", name: "close" },
  { keys: "I", group: "conversation", name: "panel" },
  { keys: "Alt+1…3", group: "conversation", name: "suggestion" },
];

const SINGLE = new Map(
  SHORTCUTS.filter(({ keys }) => keys.length === 1).map(({ keys, name }) => [keys.toLowerCase(), name]),
);
const AFTER_G = new Map(
  SHORTCUTS.filter(({ keys }) => keys.startsWith("G ")).map(({ keys, name }) => [keys[2].toLowerCase(), name]),
);

let afterG = 0;

/**
 * @param {KeyboardEvent} event
 * @returns {{name: string, index?: number} | null} The command that is meant.
 */
export function commandOf(event) {
  if (event.isComposing || event.defaultPrevented) return null;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key === "k") return { name: "palette" };
  if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-3]$/.test(event.code)) {
    return { name: "suggestion", index: Number(event.code.slice(5)) - 1 };
  }
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    !device.peek().keys ||
    isField(event.target) ||
    inDialog(event.target)
  )
    return null;
  const second = event.timeStamp < afterG ? AFTER_G.get(key) : undefined;
  afterG = key === "g" ? event.timeStamp + 1_200 : 0;
  const name = second ?? SINGLE.get(key);
  return name ? { name } : null;
}

/** @param {EventTarget | null} target */
const isField = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));

/** @param {EventTarget | null} target */
const inDialog = (target) => target instanceof HTMLElement && target.closest("dialog, [role=menu]") !== null;
