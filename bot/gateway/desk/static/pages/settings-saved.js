/** Saved replies: one's own, and for supervisors everybody's. */

import { post, remove } from "../api.js";
import { Confirm } from "../dialogs/confirm.js";
import { filled, Titles } from "../dialogs/options.js";
import { html, useEffect, useState } from "../html.js";
import { isSupervisor } from "../state/session.js";
import { loadSaved, saved } from "../state/saved.js";
import { Dialog, DialogEnd, hide, show } from "../ui/dialog.js";
import { Check, Field, Select } from "../ui/field.js";
import { parts, Problem, useSaving } from "../ui/form.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";

/** @import { SavedReply } from "../types.js" */

export function SavedSettings() {
  const w = words.value;
  useEffect(() => void loadSaved(true), []);
  const forget = (/** @type {SavedReply} */ reply) =>
    show(Confirm, {
      title: w.settings.forgetTitle(reply.title),
      text: w.settings.forgetText,
      label: w.settings.forget,
      then: () =>
        remove(`/saved-replies/${reply.id}`)
          .catch(() => {})
          .then(() => loadSaved(true)),
    });
  return html`
    <section class="card-form-page is-wide">
      <div class="section-head"><p class="hint">${w.settings.savedHint}</p>
        <button type="button" class="strong" onClick=${() => show(SavedDialog)}>
        <${Icon} name="plus" />${w.settings.newSaved}</button></div>
      ${saved.value?.length === 0 && html`<p class="empty">${w.settings.noSaved}</p>`}
      <ul class="saved-list">
        ${(saved.value ?? []).map((reply) => {
          const mayEdit = reply.own || isSupervisor.value;
          return html`<li key=${reply.id}>
            <p class="saved-top"><kbd>/${reply.shortcut}</kbd><strong>${reply.title}</strong>
            <span class="label">${w.languages[reply.language.slice(0, 2)] ?? reply.language}</span>
            <span class="hint">${reply.own ? w.settings.ownSaved : w.settings.sharedSaved}</span></p>
            <p class="saved-text" dir="auto">${reply.content.text ?? ""}</p>
            ${
              mayEdit &&
              html`<span class="saved-tools">
              <button type="button" class="quiet square" aria-label=${w.settings.editNamed(reply.title)}
                onClick=${() => show(SavedDialog, { reply })}><${Icon} name="edit" /></button>
              <button type="button" class="quiet square" aria-label=${w.settings.forgetNamed(reply.title)}
                onClick=${() => forget(reply)}><${Icon} name="trash" /></button></span>`
            }</li>`;
        })}
      </ul>
    </section>
  `;
}

/** @param {{reply?: SavedReply}} props */
function SavedDialog({ reply }) {
  const w = words.value;
  const [draft, setDraft] = useState({
    ...{
      shortcut: reply?.shortcut ?? "",
      title: reply?.title ?? "",
      language: reply?.language ?? "en",
      text: reply?.content.text ?? "",
    },
    ...{
      options: (reply?.content.options ?? []).map((one) => one.title),
      intents: (reply?.intents ?? []).join(", "),
      own: reply?.own ?? true,
    },
  });
  const set = (/** @type {Partial<typeof draft>} */ change) => setDraft({ ...draft, ...change });
  const { busy, problem, submit } = useSaving(async () => {
    const { shortcut, title, language, text, own } = draft;
    const options = filled(draft.options).map((one) => ({ title: one, payload: one }));
    const content = { ...reply?.content, text: text.trim(), options };
    await post(reply ? `/saved-replies/${reply.id}` : "/saved-replies", {
      shortcut: shortcut.trim(),
      title: title.trim(),
      language,
      content,
      intents: parts(draft.intents),
      own,
    });
    await loadSaved(true);
    hide();
  });
  const languages = Object.entries(w.languages).map(([value, label]) => ({ value, label }));
  return html`
    <${Dialog} title=${reply ? w.settings.editSaved : w.settings.newSaved} onSubmit=${submit} wide>
      <div class="two-fields">
        <${Field} label=${w.settings.shortcut} hint=${w.settings.shortcutHint} value=${draft.shortcut}
          pattern="[\\p{L}\\p{N}_\\-]+" maxlength="64" required
            onInput=${(/** @type {string} */ shortcut) => set({ shortcut })} />
        <${Select} label=${w.customer.language} value=${draft.language} options=${languages}
          onInput=${(/** @type {string} */ language) => set({ language })} />
      </div>
      <${Field} label=${w.settings.savedTitle} value=${draft.title} required
        onInput=${(/** @type {string} */ title) => set({ title })} />
      <${Field} label=${w.settings.savedText} hint=${w.settings.placeholders} long rows="5" value=${draft.text}
        required onInput=${(/** @type {string} */ text) => set({ text })} />
      <fieldset class="settled"><legend>${w.quickReplies}</legend>
      <${Titles} titles=${draft.options} onChange=${(/** @type {string[]} */ options) => set({ options })} /></fieldset>
      <${Field} label=${w.settings.intents} hint=${w.settings.intentsHint} value=${draft.intents}
        onInput=${(/** @type {string} */ intents) => set({ intents })} />
      ${isSupervisor.value && html`<${Check} label=${w.settings.forEverybody} checked=${!draft.own}
        onInput=${(/** @type {boolean} */ shared) => set({ own: !shared })} />`}
      <${Problem} problem=${problem} />
      <${DialogEnd} label=${w.save} disabled=${busy} />
    <//>
  `;
}
