/** Dialogs: the browser's own, which keep the focus inside and close with Esc. */

import { html, signal, useLayoutEffect, useRef } from "../html.js";
import { words } from "../words/index.js";
import { Icon } from "./icon.js";

const FIRST =
  ":is(input, select, textarea, .choices button):not([hidden], :disabled), .dialog-end [type=submit]:enabled";

/** What is shown over the page: a component and what it is given; one at a time. */
export const shown = signal(/** @type {{View: any, props: Record<string, any>} | null} */ (null));

/** @param {any} View @param {Record<string, any>} [props] */
export function show(View, props = {}) {
  shown.value = { View, props };
}

export function hide() {
  shown.value = null;
}

/** Where dialogs appear. */
export function Dialogs() {
  if (!shown.value) return null;
  const { View, props } = shown.value;
  return html`<${View} ...${props} />`;
}

/**
 * @param {{title: string, children?: any, wide?: boolean, bare?: boolean, onSubmit?: () => void, class?: string}} props
 *   `bare`: without a heading of its own, `title` is its name. `onSubmit`: Enter in a field, or the button of type submit.
 */
export function Dialog({ title, children, wide = false, bare = false, onSubmit, class: more = "" }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const dialog = /** @type {HTMLDialogElement} */ (box.current);
    const before = document.activeElement;
    dialog.showModal();
    // The browser would take the button that closes, which comes first.
    /** @type {HTMLElement | null} */ (dialog.querySelector(FIRST))?.focus();
    return () => {
      dialog.close();
      // What had the focus may be another element by now, or gone.
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body)
        before.focus();
    };
  }, []);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    onSubmit?.();
  };
  const onPress = (/** @type {MouseEvent} */ event) => {
    if (event.target === box.current) hide();
  };
  return html`
    <dialog ref=${box} class="dialog ${wide ? "wide" : ""} ${more}" aria-label=${title} onCancel=${hide}
      onMouseDown=${onPress}>
      <form method="dialog" class="dialog-in" onSubmit=${submit}>
        ${
          !bare &&
          html`<header class="dialog-head">
          <h2>${title}</h2>
          <button type="button" class="quiet square" aria-label=${words.value.closeDialog} onClick=${hide}>
          <${Icon} name="close" /></button>
        </header>`
        }
        ${children}
      </form>
    </dialog>
  `;
}

/**
 * The buttons at a dialog's end.
 * @param {{label: string, disabled?: boolean, danger?: boolean}} props `label`: of the one that does it.
 */
export function DialogEnd({ label, disabled = false, danger = false }) {
  return html`
    <footer class="dialog-end">
      <button type="button" class="plain" onClick=${hide}>${words.value.cancel}</button>
      <button type="submit" class=${danger ? "strong danger" : "strong"} disabled=${disabled}>${label}</button>
    </footer>
  `;
}
