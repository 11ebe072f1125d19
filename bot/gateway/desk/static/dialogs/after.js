/** Where the focus goes when the button that had it may be gone. */

/** To the conversation's name: what follows it is what became of it. */
export function focusName() {
  requestAnimationFrame(() => document.getElementById("conversation-name")?.focus());
}
