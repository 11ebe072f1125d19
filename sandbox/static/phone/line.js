// The phone's line to the sandbox: one WebSocket, opened again whenever it is lost. The protocol is in sandbox/phone/line.py.

import { language } from "../words.js";

const KEY = "phone-key";
const LONGEST_WAIT = 5000;

export class Line {
  #socket = null;
  #failures = 0;

  /** @param {{frame: (frame: any) => void, connected: (is: boolean) => void}} on */
  constructor(on) {
    this.on = on;
    this.#connect();
  }

  /** @param {object} frame @returns {boolean} whether it left */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/phone/socket`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#failures = 0;
      const key = sessionStorage.getItem(KEY);
      this.send({ type: "hello", key, language });
    });
    socket.addEventListener("message", (event) => this.#take(JSON.parse(event.data)));
    socket.addEventListener("close", () => this.#lost());
  }

  #take(frame) {
    this.on.frame(frame);
    if (frame.type !== "welcome") return;
    sessionStorage.setItem(KEY, frame.key);
    this.on.connected(true);
  }

  #lost() {
    this.on.connected(false);
    this.#failures += 1;
    setTimeout(() => this.#connect(), Math.min(LONGEST_WAIT, 250 * 2 ** this.#failures));
  }
}
