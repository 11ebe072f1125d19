/** How it looks on the customer's channel, as the channel's own code says. */

import { post } from "../api.js";
import { html, useEffect, useState } from "../html.js";
import { Said } from "../conversation/said.js";
import { channelName, ChannelMark } from "../ui/channel.js";
import { words } from "../words/index.js";

/** @import { Content, Preview } from "../types.js" */

const ASK_AFTER = 300;

/** @param {{id: string, content: Content, to: string | number | null}} props */
export function PreviewPane({ id, content, to }) {
  const w = words.value;
  const [told, setTold] = useState(/** @type {Preview | "failed" | null} */ (null));
  const written = JSON.stringify(content);
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(() => {
      post(`/conversations/${id}/preview`, { content, ...(to !== null && { to }) })
        .then((preview) => isOver || setTold(preview))
        .catch(() => isOver || setTold("failed"));
    }, ASK_AFTER);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [id, written, to]);
  if (told === null) return html`<div class="preview"><p class="hint" role="status">${w.loading}</p></div>`;
  if (told === "failed") return html`<div class="preview"><p class="hint" role="status">${w.failed}</p></div>`;
  return html`
    <div class="preview on-${told.channel}" role="group" aria-label=${w.looksOn(channelName(told.channel))}>
      <p class="preview-head"><${ChannelMark} channel=${told.channel} /> ${w.looksOn(channelName(told.channel))}</p>
      <div class="preview-screen"><${Said} content=${told.content} author="agent" /></div>
      <p class="hint">${w.isAskedFor}</p>
      <ol class="preview-shows">${told.shows.map((part) => html`<li>${part}</li>`)}</ol>
      ${told.problem && html`<p class="field-error">${w.problems[told.problem] ?? told.problem}</p>`}
    </div>
  `;
}
