// What every app has: a header with a state, a chat, and a line to write in.

import { find, h } from "../dom.js";
import { fillWords, word } from "../words.js";
import { Chat } from "./chat.js";

export class Screen {
  #connected = false;
  #typing = 0;

  /**
   * @param {string} app
   * @param {{idle: string, introduction: Node[], say: (text: string) => boolean} & ConstructorParameters<typeof Chat>[1]}
   *   options `idle`: the word for nothing going on; `say` returns whether the message left
   */
  constructor(app, { idle, introduction, say, ...chat }) {
    this.root = find(`#${app}`);
    this.root.append(find("#app-screen").content.cloneNode(true));
    fillWords(this.root);
    this.find(".introduction").append(...introduction);
    this.idle = idle;
    this.say = say;
    this.chat = new Chat(this.root, chat);
    this.#prepareComposer();
  }

  /** @param {string} selector @returns {any} */
  find(selector) {
    return this.root.querySelector(selector);
  }

  /** @param {string} name @param {any[]} messages */
  fill(name, messages) {
    this.find(".name").textContent = name;
    this.chat.fill(messages);
  }

  /** Put words where the person writes, as a link does; they are sent by hand. @param {string} text */
  prefill(text) {
    const compose = this.find(".compose");
    if (text) compose.value = text;
    this.#fit();
    compose.focus();
    compose.setSelectionRange(compose.value.length, compose.value.length);
  }

  /** @param {boolean} is */
  setConnected(is) {
    this.#connected = is;
    this.#show(is ? this.idle : "connecting");
  }

  /** @param {boolean} is @param {number} [seconds] how long it lasts, unless it is said again */
  setTyping(is, seconds = 0) {
    clearTimeout(this.#typing);
    if (is) this.#typing = setTimeout(() => this.setTyping(false), seconds * 1000);
    this.root.classList.toggle("typing", is);
    this.#show(is ? "typing" : this.idle);
  }

  /** The channel is not there. @param {string} why a word */
  switchOff(why) {
    this.find(".state").textContent = "";
    this.find(".composer").hidden = true;
    this.find(".introduction").replaceChildren(h("p", {}, h("strong", {}, word("off"))), h("p", {}, word(why)));
    this.find(".introduction").hidden = false;
  }

  #show(name) {
    this.find(".state").textContent = word(this.#connected ? name : "connecting");
  }

  #prepareComposer() {
    this.find(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.find(".compose").addEventListener("input", () => this.#fit());
    this.find(".compose").addEventListener("keydown", (event) => {
      // Enter also ends a word of Chinese input, which is not yet a message.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
  }

  #send() {
    const compose = this.find(".compose");
    const text = compose.value.trim();
    if (!text || !this.say(text)) return;
    compose.value = "";
    this.#fit();
  }

  #fit() {
    const compose = this.find(".compose");
    compose.style.height = "auto";
    compose.style.height = `${compose.scrollHeight + 2}px`;
    this.find(".send").disabled = !compose.value.trim();
  }
}
