/** What the shortcuts and the palette run. */

import { composerFocus, composerMode, useSuggestion } from "./composer/focus.js";
import { act, possible } from "./conversation/acting.js";
import { openId, suggestions } from "./conversation/current.js";
import { Help } from "./dialogs/help.js";
import { Palette } from "./dialogs/palette.js";
import { useLayoutEffect } from "./html.js";
import { commandOf } from "./keys.js";
import { cursor, step, view } from "./list/conversations.js";
import { go, isList, route } from "./route.js";
import { change, device } from "./state/device.js";
import { show, shown } from "./ui/dialog.js";

/** @import { Action } from "./conversation/doings.js" */

/** @param {Action[]} wanted The first of these that is possible. */
function actIfPossible(...wanted) {
  const action = wanted.find((one) => possible().includes(one));
  if (action) act(action);
}

/** @param {number} steps */
function walk(steps) {
  if (!isList.value) go(view.value);
  step(steps);
  // One who reads conversations one after the other goes on reading.
  if (openId.value && cursor.value) go(view.value, cursor.value);
  else document.getElementById(`row-${cursor.value}`)?.focus();
}

/** @type {Record<string, (index: number) => void>} */
const RUN = {
  palette: () => show(Palette, { run }),
  help: () => show(Help),
  search: () => {
    if (!isList.value) go(view.value);
    requestAnimationFrame(() => document.getElementById("search")?.focus());
  },
  down: () => walk(1),
  up: () => walk(-1),
  goQueue: () => go("queue"),
  goMine: () => go("mine"),
  goTeam: () => go("team"),
  goAll: () => go("all"),
  leave: () => leave(),
  reply: () => composerFocus("reply"),
  note: () => composerFocus("note"),
  take: () => actIfPossible("take", "step_in", "take_up", "wake", "take_over"),
  hand_back: () => actIfPossible("hand_back"),
  transfer: () => actIfPossible("transfer"),
  snooze: () => actIfPossible("snooze"),
  close: () => actIfPossible("close"),
  panel: () => change({ panel: !device.peek().panel }),
  suggestion: (index) => {
    const one = suggestions.peek()[index];
    if (one && composerMode() !== null) useSuggestion(one);
  },
};

/** From a conversation back to its list, with the keyboard on its row. */
export function leave() {
  const id = openId.peek();
  if (!id) return;
  cursor.value = id;
  go(route.peek().page);
  requestAnimationFrame(() => document.getElementById(`row-${id}`)?.focus());
}

/** @param {string} name @param {number} [index] */
export function run(name, index = 0) {
  RUN[name]?.(index);
}

/** Listens to the keyboard. */
export function Commands() {
  // From the first drawing on: who sees the desk may press its keys.
  useLayoutEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      const command = commandOf(event);
      if (!command || (shown.peek() && command.name !== "palette")) return;
      event.preventDefault();
      run(command.name, command.index);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return null;
}
