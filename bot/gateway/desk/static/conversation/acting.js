/** Doing what the keys and buttons name: at once, or after a dialog has asked how. */

import { composerFocus } from "../composer/focus.js";
import { CloseDialog } from "../dialogs/close.js";
import { HandBackDialog } from "../dialogs/hand-back.js";
import { SnoozeDialog } from "../dialogs/snooze.js";
import { TransferDialog } from "../dialogs/transfer.js";
import { isSupervisor, myId } from "../state/session.js";
import { show } from "../ui/dialog.js";
import { conversation, openId } from "./current.js";
import { actionsFor, perform, TAKING } from "./doings.js";

/** @import { Action } from "./doings.js" */

/** @type {Record<string, any>} */
const DIALOGS = { hand_back: HandBackDialog, transfer: TransferDialog, snooze: SnoozeDialog, close: CloseDialog };

/** What may be done with the open conversation now. @returns {Action[]} */
export const possible = () =>
  conversation.value ? actionsFor(conversation.value, myId.value, isSupervisor.value) : [];

/** Do it, or open the dialog that asks how. @param {Action} action */
export async function act(action) {
  const id = openId.peek();
  if (!id) return;
  if (!TAKING.includes(action)) return show(DIALOGS[action], { id });
  if (await perform(id, "take")) composerFocus("reply");
}
