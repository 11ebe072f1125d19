// WhatsApp's own marks in a text, and web addresses: https://faq.whatsapp.com/539178204879377

import { h, link } from "../../dom.js";

const PARTS = /(https?:\/\/[^\s<>]+)|```([^`]+)```|`([^`\n]+)`|(?<![\p{L}\p{N}])(?:\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|~(\S(?:[^~\n]*\S)?)~)(?![\p{L}\p{N}])/gu;

/** @param {string} text @returns {DocumentFragment} */
export function formatted(text) {
  const whole = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    whole.append(text.slice(end, match.index), part(match));
    end = match.index + match[0].length;
  }
  whole.append(text.slice(end));
  return whole;
}

function part([, url, block, code, bold, italic, struck]) {
  if (url) return link(url, url);
  if (block ?? code) return h("code", {}, block ?? code);
  if (bold) return h("strong", {}, formatted(bold));
  return italic ? h("em", {}, formatted(italic)) : h("s", {}, formatted(struck));
}
