/** What a message says: text, media, places, options, cards. All of it from outside, so text is text and nothing else. */

import { html } from "../html.js";
import { size } from "../format.js";
import { Icon } from "../ui/icon.js";
import { channelName } from "../ui/channel.js";
import { words } from "../words/index.js";
import { Formatted } from "./formatted.js";

/** @import { Card, FileRef, Media, Option, Place, Said as Words } from "../types.js" */

/** @param {{content: Words, author: string}} props Only our own texts are formatted: customers write what they mean. */
export function Said({ content, author }) {
  const w = words.value;
  const text = content.text || content.label;
  const place =
    content.location ?? (content.type === "location" ? /** @type {Place} */ (/** @type {unknown} */ (content)) : null);
  const isNothing =
    !text &&
    !content.media &&
    !place &&
    !content.image &&
    !content.file &&
    !content.cards?.length &&
    !content.options?.length;
  return html`
    <div class="said">
      ${content.media && html`<${MediaView} media=${content.media} />`}
      ${content.image && html`<${Picture} url=${content.image} name=${w.picture} />`}
      ${
        text &&
        html`<p class="said-text" dir="auto">${content.type === "choice" && html`<${Icon} name="check"
          class="chose" />`}${
          author === "customer" ? text : html`<${Formatted} text=${text} />`
        }</p>`
      }
      ${content.file && html`<${FileView} file=${content.file} />`}
      ${place && html`<${PlaceView} place=${place} />`}
      ${content.options?.length ? html`<${Options} options=${content.options} />` : null}
      ${content.cards?.length ? html`<ul class="cards">${content.cards.map((card) => html`<${CardView}
        card=${card} />`)}</ul>` : null}
      ${content.invite && html`<p class="hint">${w.invites(channelName(content.invite))}</p>`}
      ${isNothing && html`<p
        class="said-text hint">${content.type === "unsupported" ? w.unsupported(content.kind ?? "") : w.somethingSent}</p>`}
    </div>
  `;
}

/** @param {{options: Option[]}} props What the customer may tap; here it only shows. */
const Options = ({ options }) =>
  html`<ul class="said-options">${options.map((one) => html`<li>${one.title}</li>`)}</ul>`;

/** @param {{card: Card}} props */
const CardView = ({ card }) => html`
  <li class="card">
    ${card.image && html`<${Picture} url=${card.image} name=${card.title} />`}
    <strong>${card.title}</strong>
    ${card.text && html`<span><${Formatted} text=${card.text} /></span>`}
    ${card.options?.length ? html`<${Options} options=${card.options} />` : null}
  </li>
`;

/** @param {{media: Media}} props */
function MediaView({ media }) {
  const w = words.value;
  const name = media.name || w.kinds[media.kind] || media.kind;
  if (!media.url) {
    return html`<p class="attachment"><${Icon} name="file" /><span class="attachment-name">${name}</span>
    <span class="hint">${w.outcomes[media.outcome ?? ""] ?? w.outcomes.pending}</span></p>`;
  }
  if (!isOurs(media.url)) return html`<${FileView} file=${{ url: media.url, name }} />`;
  if (media.kind === "picture" || media.kind === "sticker")
    return html`<${Picture} url=${media.url} name=${name} isSmall=${media.kind === "sticker"} />`;
  if (media.kind === "voice" || media.kind === "audio")
    return html`<audio class="sound" controls preload="metadata" src=${media.url} aria-label=${name}></audio>`;
  if (media.kind === "video")
    return html`<video class="film" controls preload="metadata" src=${media.url} aria-label=${name}></video>`;
  return html`<${FileView} file=${{ url: media.url, name }} bytes=${media.size} />`;
}

/** @param {{url: string, name: string, isSmall?: boolean}} props Elsewhere's pictures the page's policy does not load: a link. */
function Picture({ url, name, isSmall = false }) {
  if (!isOurs(url)) return html`<${FileView} file=${{ url, name }} />`;
  return html`<a class="picture ${isSmall ? "is-small" : ""}" href=${url} target="_blank" rel="noopener noreferrer">
  <img src=${url} alt=${name} loading="lazy" /></a>`;
}

/** @param {{file: FileRef, bytes?: number}} props */
function FileView({ file, bytes }) {
  const name = file.name || file.url.split("/").pop();
  const inside = html`<${Icon} name="file" />
  <span class="attachment-name">${name}</span>${bytes ? html`<span class="hint">${size(bytes)}</span>` : null}`;
  if (!/^https?:\/\//.test(file.url) && !isOurs(file.url)) return html`<p class="attachment">${inside}</p>`;
  return html`<a class="attachment" href=${file.url} target="_blank" rel="noopener noreferrer">${inside}</a>`;
}

/** @param {{place: Place}} props */
function PlaceView({ place }) {
  const { latitude, longitude } = place;
  const url = `https://www.openstreetmap.org/?mlat=${Number(latitude)}&mlon=${Number(longitude)}#map=17/${Number(latitude)}/${Number(longitude)}`;
  return html`<a class="attachment" href=${url} target="_blank" rel="noopener noreferrer"><${Icon} name="pin" />
    <span class="attachment-name">${place.name || place.address || `${Number(latitude).toFixed(5)}, ${Number(longitude).toFixed(5)}`}</span>
    </a>`;
}

/** Whether the page's policy lets it be shown here. @param {string} url */
function isOurs(url) {
  if (url.startsWith("blob:")) return true;
  try {
    const { origin, protocol } = new URL(url, location.href);
    return origin === location.origin && /^https?:$/.test(protocol);
  } catch {
    return false;
  }
}
