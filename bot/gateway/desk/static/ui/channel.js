/** A channel's mark: small, in its colour, with its name for who does not see it. */

import { html } from "../html.js";
import { word, words } from "../words/index.js";

/** @type {Record<string, string>} */
const PATHS = {
  telegram: "M3 9.8 17 4.2 14.6 16 10 12.5 7.8 14.8 7.6 11.3 14 6.5 6.3 10.900Z",
  whatsapp:
    "M10 2.500a7.3 7.3 0 0 0-6.3 11L2.8 17.200l3.8-.9A7.3 7.3 0 1 0 10 2.500ZM7.2 6.300c.5-.4 1-.2 1.2.300l.5 1.100c.1.3 0 .6-.6 1.2.5 1.1 1.6 2.1 2.7 2.6.6-.6.9-.8 1.2-.7l1.2.6c.5.2.6.7.2 1.2-.8 1-2 .9-3.3.2-1.8-1-3.1-2.4-3.7-4-.3-.9-.1-2 .6-2.500Z",
  teams: "M4 4.500h12v3.200h-4.200V16H8.200V7.700H4Z",
  email: "M2.8 5h14.400v10H2.800ZM4.2 6.2 10 10.800l5.8-4.600v-.2H4.200Z",
  webchat:
    "M4.5 3.500h11a1.7 1.7 0 0 1 1.7 1.700v6.600a1.7 1.7 0 0 1-1.7 1.700H10L6 17v-3.500H4.500a1.7 1.7 0 0 1-1.7-1.700V5.200a1.7 1.7 0 0 1 1.7-1.700Z",
};

/** @param {string} channel */
export const channelName = (channel) => word(words.value.channels, channel);

/** @param {{channel: string, named?: boolean}} props `named`: its name stands beside it. */
export function ChannelMark({ channel, named = false }) {
  const path = PATHS[channel] ?? PATHS.webchat;
  const mark = html`<svg class="channel channel-${channel}" viewBox="0 0 20 20" aria-hidden="true"><path d=${path} />
  </svg>`;
  return html`<span class="channel-mark" title=${named ? null : channelName(channel)}>
    ${mark}<span class=${named ? "" : "unseen"}>${channelName(channel)}</span>
  </span>`;
}
