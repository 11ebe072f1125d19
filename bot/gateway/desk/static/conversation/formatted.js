/** The simple formatting of our own texts, as channels/formatting.py reads it: bold, italic, code, links. */

import { html } from "../html.js";

const MARKS = new RegExp(
  [
    String.raw`\\(?<escaped>[!-/:-@[-\x60{-~])`,
    String.raw`\*\*(?<bold>(?:\\[^\n]|[^*\\\n]|(?<!\*)\*(?!\*))+)\*\*`,
    String.raw`(?<![\w*])[*_](?<italic>[^*_\n]+)[*_](?![\w*])`,
    String.raw`\x60(?<code>[^\x60\n]+)\x60`,
    String.raw`\[(?<label>[^\]\n]+)\]\((?<url>https?:\/\/[^\s)]+)\)`,
  ].join("|"),
  "gu",
);

/** @param {{text: string}} props */
export function Formatted({ text }) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(MARKS)) {
    parts.push(text.slice(end, found.index), marked(/** @type {Record<string, string>} */ (found.groups)));
    end = found.index + found[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** @param {Record<string, string>} groups */
function marked({ escaped, bold, italic, code, label, url }) {
  if (escaped) return escaped;
  if (bold) return html`<strong><${Formatted} text=${bold} /></strong>`;
  if (italic) return html`<em><${Formatted} text=${italic} /></em>`;
  if (code) return html`<code>${code}</code>`;
  return html`<a href=${url} target="_blank" rel="noopener noreferrer"><${Formatted} text=${label} /></a>`;
}
