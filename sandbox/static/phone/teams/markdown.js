// The markdown that Teams shows in a bot's messages and cards, as elements:
// https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages

import { h, link } from "../../dom.js";

const PARTS =
  /\\([!-/:-@[-`{-~])|&(lt|gt|amp|quot);|\[([^\]\n]+)\]\((https?:[^)\s]+)\)|(https?:\/\/[^\s<>]+)|`([^`\n]+)`|\*\*(\S(?:.*?\S)?)\*\*|(?<![\p{L}\p{N}_])[*_](\S(?:.*?\S)?)[*_](?![\p{L}\p{N}_])/gu;
const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"' };

/** @param {string} text @returns {DocumentFragment} */
export function markdown(text) {
  const whole = document.createDocumentFragment();
  for (const paragraph of text.trim().split(/\n{2,}/)) whole.append(h("p", {}, inline(paragraph)));
  return whole;
}

/** @param {string} text */
function inline(text) {
  const whole = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(PARTS)) {
    whole.append(text.slice(end, match.index), part(match));
    end = match.index + match[0].length;
  }
  whole.append(text.slice(end));
  return whole;
}

function part([, escaped, entity, label, target, url, code, bold, italic]) {
  if (escaped) return escaped;
  if (entity) return ENTITIES[entity];
  if (label) return link(target, inline(label));
  if (url) return link(url, url);
  if (code) return h("code", {}, code);
  return bold ? h("strong", {}, inline(bold)) : h("em", {}, inline(italic));
}
