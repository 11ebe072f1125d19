// A text and its entities as elements: https://core.telegram.org/bots/api#messageentity
// Offsets are in UTF-16 code units, which is how JavaScript counts, too.

import { h, link } from "../../dom.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};

/** @param {string} text @param {any[]} [entities] @returns {DocumentFragment} */
export function formatted(text, entities = []) {
  const cuts = entities.flatMap(({ offset, length }) => [offset, offset + length]);
  const edges = [...new Set([0, text.length, ...cuts])].sort((one, other) => one - other);
  const whole = document.createDocumentFragment();
  for (let index = 0; index + 1 < edges.length; index++) {
    const [from, to] = [edges[index], edges[index + 1]];
    const around = entities.filter(({ offset, length }) => offset <= from && to <= offset + length);
    whole.append(wrapped(text.slice(from, to), around, text));
  }
  return whole;
}

function wrapped(part, entities, text) {
  return entities.reduceRight((inner, entity) => wrap(entity, inner, text), document.createTextNode(part));
}

function wrap(entity, inner, text) {
  const shown = text.slice(entity.offset, entity.offset + entity.length);
  if (entity.type === "url") return link(shown, inner);
  if (entity.type === "text_link") return link(entity.url, inner);
  if (entity.type === "spoiler") return h("span", { class: "spoiler" }, inner);
  return TAGS[entity.type] ? h(TAGS[entity.type], {}, inner) : inner;
}
