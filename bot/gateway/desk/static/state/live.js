/** What the socket tells, to each part of the page that it is for. */

import { addItems, addLines, looking, openId, typing, viewers } from "../conversation/current.js";
import { effect } from "../html.js";
import { change, counts, load } from "../list/conversations.js";
import { href } from "../route.js";
import { words } from "../words/index.js";
import { alert, chime } from "./alerts.js";
import { announce, notice } from "./notices.js";
import { expire, myId, myTeams, nameOf, phase, updateAgents } from "./session.js";
import { connect, disconnect } from "./socket.js";

/** @import { Item, Line } from "../types.js" */
/** @import { Frame } from "./socket.js" */

/** @type {Map<string, {last: number, state: string}>} What was known of each conversation, to tell news from the rest. */
const known = new Map();
let isFirst = true;

effect(() => {
  if (phase.value === "desk") {
    isFirst = true;
    connect({ frame: take, looking });
  } else {
    disconnect();
    known.clear();
  }
});

/** @type {Record<string, (frame: any) => void>} */
const TAKE = {
  hello() {
    // The first page may have been read before the socket listened; what came between is in it now.
    if (isFirst) load(false);
    isFirst = false;
  },
  items({ items, gone, counts: numbers, reload }) {
    if (numbers) counts.value = numbers;
    items.forEach(tellOf);
    change(items, gone ?? []);
    addItems(items);
    if (reload) load(false);
  },
  lines({ conversation, lines }) {
    addLines(conversation, lines);
    if (conversation === openId.peek()) lines.forEach(readOut);
  },
  people(frame) {
    if (frame.conversation !== openId.peek()) return;
    viewers.value = frame.viewers.filter((/** @type {string} */ id) => id !== myId.peek());
    typing.value = frame.typing.filter((/** @type {string} */ id) => id !== myId.peek());
  },
  agents: ({ agents }) => updateAgents(agents),
  mention({ conversation, note }) {
    const text = words.peek().mentionedBy(nameOf(note.agent));
    notice(text, "plain", href("all", conversation));
    announce(text);
    alert(text, "", href("all", conversation));
  },
  assigned({ conversation }) {
    const text = words.peek().assigned;
    notice(text, "plain", href("mine", conversation));
    announce(text);
    alert(text, "", href("mine", conversation));
  },
  expired: () => expire(true),
};

/** @param {Frame} frame */
function take(frame) {
  TAKE[frame.type]?.(frame);
}

/** News for me: a message in a conversation of mine, or a customer who waits in a queue of mine. @param {Item} item */
function tellOf(item) {
  const before = known.get(item.id);
  known.set(item.id, { last: item.last?.id ?? 0, state: item.state });
  const isNew = item.last?.author === "customer" && item.last.id > (before?.last ?? 0) && item.unread > 0;
  const isMine = item.agent === myId.peek() && item.state !== "closed";
  const isHere = openId.peek() === item.id && !document.hidden;
  const name = item.customer.name ?? words.peek().somebody;
  if (isMine && isNew && !isHere) alert(name, words.peek().wroteToYou, href("mine", item.id));
  const ours = item.team === null || myTeams.peek().some((team) => team.id === item.team);
  if (
    item.state === "queued" &&
    before?.state !== "queued" &&
    ours &&
    Date.now() - Date.parse(item.queued_at ?? "") < 60_000
  ) {
    alert(words.peek().waits(name), "", href("queue", item.id));
  }
}

const readAloud = new Set();

/** A customer's words in the conversation that is open. @param {Line} line */
function readOut(line) {
  if (line.kind !== "message" || line.author !== "customer" || readAloud.has(line.id)) return;
  readAloud.add(line.id);
  announce(words.peek().customerSaid(line.content.text ?? line.content.label ?? words.peek().somethingSent));
  if (document.hidden) chime();
}
