/** Cards: a title, a text, answers to tap. Several are a carousel where the channel has one. */

import { draftOf, redraft } from "../composer/drafts.js";
import { composerFocus } from "../composer/focus.js";
import { html, useState } from "../html.js";
import { Dialog, DialogEnd, hide } from "../ui/dialog.js";
import { Field } from "../ui/field.js";
import { Icon } from "../ui/icon.js";
import { words } from "../words/index.js";
import { filled, Titles } from "./options.js";

/** @import { Card } from "../types.js" */

const MOST = 10;
const MOST_OPTIONS = 3;
/** @type {{title: string, text: string, image: string | null, options: string[]}} */
const BLANK = { title: "", text: "", image: null, options: [""] };

/** @param {{id: string}} props */
export function CardsDialog({ id }) {
  const w = words.value;
  const [cards, setCards] = useState(draftOf(id).cards.length ? draftOf(id).cards.map(opened) : [BLANK]);
  const set = (/** @type {number} */ index, /** @type {Partial<typeof BLANK>} */ change) =>
    setCards(cards.map((card, at) => (at === index ? { ...card, ...change } : card)));
  const submit = () => {
    redraft(id, { cards: cards.filter((card) => card.title.trim()).map(closed) });
    hide();
    composerFocus("reply");
  };
  return html`
    <${Dialog} title=${w.cards} onSubmit=${submit} wide>
      <div class="card-forms">
        ${cards.map(
          (card, index) => html`
            <fieldset key=${index} class="card-form">
              <legend>${w.cardNumber(index + 1)}</legend>
              ${cards.length > 1 && html`<button type="button" class="quiet square"
                aria-label=${w.removeNumber(index + 1)}
                  onClick=${() => setCards(cards.filter((_, at) => at !== index))}><${Icon} name="trash" /></button>`}
              <${Field} label=${w.cardTitle} value=${card.title} maxlength="80" required
                onInput=${(/** @type {string} */ title) => set(index, { title })} />
              <${Field} label=${w.cardText} value=${card.text} long rows="2"
                onInput=${(/** @type {string} */ text) => set(index, { text })} />
              <${Titles} titles=${card.options} most=${MOST_OPTIONS}
                onChange=${(/** @type {string[]} */ options) => set(index, { options })} />
            </fieldset>
          `,
        )}
      </div>
      ${cards.length < MOST && html`<button type="button" class="link" onClick=${() => setCards([...cards, BLANK])}>
      <${Icon} name="plus" />${w.addCard}</button>`}
      <${DialogEnd} label=${w.attach} />
    <//>
  `;
}

/** @param {Card} card */
const opened = (card) => ({
  title: card.title,
  text: card.text ?? "",
  image: card.image ?? null,
  options: (card.options ?? []).map((one) => one.title),
});

/** @param {typeof BLANK} card @returns {Card} */
const closed = ({ title, text, image, options }) => ({
  ...{ title: title.trim(), options: filled(options).map((one) => ({ title: one, payload: one })) },
  ...(text.trim() && { text: text.trim() }),
  ...(image && { image }),
});
