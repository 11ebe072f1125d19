/** What goes with a reply: answers to tap, cards, a file. */

import { ApiError, upload } from "../api.js";
import { CardsDialog } from "../dialogs/cards.js";
import { OptionsDialog } from "../dialogs/options.js";
import { html, signal, useRef } from "../html.js";
import { notice } from "../state/notices.js";
import { show } from "../ui/dialog.js";
import { Icon } from "../ui/icon.js";
import { word, words } from "../words/index.js";
import { isEmpty, redraft } from "./drafts.js";

/** @import { Draft } from "./drafts.js" */

const LARGEST = 16 * 1024 * 1024;

/** Names of files that are on their way, by conversation. */
const uploading = signal(/** @type {Record<string, string>} */ ({}));

/** Hand a file in, and attach it. @param {string} id @param {File} file */
export async function attach(id, file) {
  const w = words.peek();
  if (file.size > LARGEST) return notice(w.tooLarge, "bad");
  uploading.value = { ...uploading.value, [id]: file.name };
  try {
    const told = await upload(`/conversations/${id}/files`, file);
    redraft(id, {
      file: {
        url: told.file.url,
        name: told.file.name ?? file.name,
        picture: /^image\/(png|jpe?g|webp|gif)$/.test(file.type),
      },
    });
  } catch (error) {
    notice(error instanceof ApiError ? word(w.refused, error.code) : w.failed, "bad");
  } finally {
    const { [id]: _, ...others } = uploading.value;
    uploading.value = others;
  }
}

/** @param {{id: string, draft: Draft, onSaved: () => void, previews: boolean, onPreview: () => void}} props */
export function Tools({ id, draft, onSaved, previews, onPreview }) {
  const w = words.value;
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const chosen = (/** @type {any} */ event) => {
    const [file] = event.target.files;
    if (file) attach(id, file);
    event.target.value = "";
  };
  const tool = (
    /** @type {string} */ icon,
    /** @type {string} */ label,
    /** @type {() => void} */ onClick,
    /** @type {object} */ more = {},
  ) =>
    html`<button type="button" class="quiet square" aria-label=${label} title=${label} onClick=${onClick} ...${more}>
    <${Icon} name=${icon} /></button>`;
  return html`
    <div class="tools" role="group" aria-label=${w.tools}>
      ${tool("saved", w.savedReplies, onSaved)}
      ${tool("options", w.quickReplies, () => show(OptionsDialog, { id }))}
      ${tool("card", w.cards, () => show(CardsDialog, { id }))}
      ${tool("clip", w.attachFile, () => input.current?.click())}
      <input type="file" hidden ref=${input} onChange=${chosen} />
      ${tool("eye", w.preview, onPreview, { "aria-pressed": previews, disabled: isEmpty(draft) })}
    </div>
  `;
}

/** What is attached, each to be taken off or changed. @param {{id: string, draft: Draft}} props */
export function Attached({ id, draft }) {
  const w = words.value;
  const { options, cards, file } = draft;
  const on = uploading.value[id];
  if (!options.length && !cards.length && !file && !on) return null;
  const part = (
    /** @type {string} */ icon,
    /** @type {string} */ label,
    /** @type {(() => void) | null} */ edit,
    /** @type {Partial<Draft>} */ off,
  ) => html`
    <span class="attached">
      ${edit ? html`<button type="button" class="link" onClick=${edit}>
      <${Icon} name=${icon} />${label}</button>` : html`<span class="attached-name">
      <${Icon} name=${icon} />${label}</span>`}
      <button type="button" class="quiet square" aria-label=${w.takeOff(label)} onClick=${() => redraft(id, off)}>
      <${Icon} name="close" /></button>
    </span>`;
  return html`
    <div class="attached-all">
      ${options.length > 0 && part("options", w.nOptions(options.length), () => show(OptionsDialog, { id }), { options: [] })}
      ${cards.length > 0 && part("card", w.nCards(cards.length), () => show(CardsDialog, { id }), { cards: [] })}
      ${file && part("clip", file.name, null, { file: null })}
      ${on && html`<span class="attached hint" role="status">${w.uploading(on)}</span>`}
    </div>
  `;
}
