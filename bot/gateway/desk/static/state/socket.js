/** The socket to the gateway: opened again whenever it is lost, and nothing is missed. */

import { signal } from "../html.js";

/** @typedef {Record<string, any> & {type: string}} Frame */

const SLOWEST = 5_000;
const QUIET_FOR = 1_500;

/** `reconnecting` is told once it has lasted a moment: a gateway that restarts is back before anybody needs to know. */
export const connection = signal(/** @type {"connecting" | "online" | "reconnecting"} */ ("connecting"));

/** @type {WebSocket | null} */
let socket = null;
let version = /** @type {number | null} */ (null);
let attempts = 0;
let wanted = false;
let retry = 0;
let quiet = 0;
/** @type {(frame: Frame) => void} */
let onFrame = () => {};
/** @type {() => Frame | null} What is looked at, to be told again after each reconnect. */
let looking = () => null;

/** @param {{frame: (frame: Frame) => void, looking: () => Frame | null}} on */
export function connect(on) {
  onFrame = on.frame;
  looking = on.looking;
  wanted = true;
  version = null;
  open();
}

export function disconnect() {
  wanted = false;
  clearTimeout(retry);
  clearTimeout(quiet);
  socket?.close();
  socket = null;
  connection.value = "connecting";
}

/** Whether it went out: what is told to nobody is told by `looking` later, or not at all. @param {Frame} frame */
export function tell(frame) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(frame));
  return true;
}

function open() {
  clearTimeout(retry);
  if (!wanted || socket) return;
  const mine = new WebSocket(`${location.origin.replace(/^http/, "ws")}/desk/socket`);
  socket = mine;
  mine.addEventListener("message", ({ data }) => {
    if (mine === socket) read(data);
  });
  mine.addEventListener("close", () => {
    if (mine === socket) lost();
  });
}

function lost() {
  socket = null;
  if (!wanted) return;
  if (connection.value === "online") quiet = setTimeout(() => (connection.value = "reconnecting"), QUIET_FOR);
  const wait = Math.min(SLOWEST, 400 * 2 ** attempts) * (0.5 + Math.random() / 2);
  attempts += 1;
  if (attempts > 2) connection.value = "reconnecting";
  retry = setTimeout(open, wait);
}

/** @param {string} data */
function read(data) {
  /** @type {Frame} */
  const frame = JSON.parse(data);
  if (frame.type === "hello") {
    attempts = 0;
    clearTimeout(quiet);
    connection.value = "online";
    if (version !== null) tell({ type: "since", version });
    else version = frame.version;
    const where = looking();
    if (where) tell(where);
  } else if (typeof frame.version === "number") {
    version = frame.version;
  }
  onFrame(frame);
}

// Back on the net, or back on the page: the wait is of no use any more.
for (const event of ["online", "focus"]) addEventListener(event, open);
