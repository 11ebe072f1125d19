/**
 * Throughline's web chat: one file, served as it is, that adds `<throughline-chat>` to the page that loads it.
 *
 * In order: the element, the session and its socket, files on their way, the transcript, the invitation to another
 * channel, the composer, what the page's own scripts can do, small tools, the words in each language, the styles. The
 * protocol is described in README.md beside this file.
 *
 * All that comes from the server is data: it reaches the page through `textContent` and checked URLs, never as HTML.
 */
(() => {
  "use strict";

  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const gateway = new URL(".", script?.src || location.href).href.replace(/\/$/, "");

  /** @typedef {{title: string, index: number, description?: string}} Option */
  /** @typedef {{text: string, bold?: boolean, italic?: boolean, code?: boolean, url?: string}} Run */
  /** @typedef {{title: string, text?: string, runs?: Run[], image?: string, options?: Option[]}} Card */
  /**
   * `outcome` is told of the customer's own: pending, stored, refused or lost. `preview` is drawn by this browser.
   * @typedef {{kind: string, name?: string, type?: string, size?: number, url?: string, outcome?: string,
   *   preview?: string}} Attachment
   */
  /** @typedef {{latitude: number, longitude: number, name?: string, address?: string, map: string}} Place */
  /**
   * @typedef {{seq: number, id: number, author: "customer" | "bot" | "agent", client_id?: string, at: string,
   *   text?: string, runs?: Run[], image?: string, file?: Attachment, location?: Place, options?: Option[],
   *   cards?: Card[], invite?: string, closed?: boolean, choice?: {message: number, option: number}}} Message
   */
  /** @typedef {{channel: string, url?: string, qr?: string, code?: string, expires_in: number}} Link */
  /**
   * A frame that the server has not shown yet.
   * @typedef {{frame: {type: "say" | "choose" | "link" | "send_file", id: string, text?: string, message?: number,
   *   option?: number, label?: string, code?: string, file?: string}, at: string, failed?: string,
   *   attachment?: Attachment}} Unsent
   */
  /** @typedef {string | null | (() => Promise<string | null>)} Identity A JWT of the page's own server, or nobody */

  // --- The element ---------------------------------------------------------------------------------------------------

  class ThroughlineChat extends HTMLElement {
    static observedAttributes = ["language"];

    #memory = new Memory(gateway);
    #words = new Words(this.attachShadow({ mode: "open" }));
    #connection = new Connection(gateway, this.#memory, {
      message: (message, live) => this.#onMessage(message, live),
      ready: (channels) => this.#onReady(channels),
      typing: () => this.#transcript.setTyping(true),
      invitation: (link) => this.#invitations.get(link.channel)?.show(link),
      sending: (unsent) => this.#transcript.showUnsent(unsent),
      progress: (id, part) => this.#transcript.showProgress(id, part),
      refused: (code, unsent) => this.#onRefused(code, unsent),
      closed: (message) => this.#transcript.close(message),
      file: (message, file) => this.#transcript.showFile(message, file),
      forgotten: (ranOut) => this.#forget(ranOut),
      trouble: (trouble) => this.#showTrouble(trouble),
    });
    #transcript = new Transcript(this.#words, {
      choose: (message, option) =>
        this.#connection.post({ type: "choose", message: message.id, option: option.index, label: option.title }),
      again: (id) => this.#connection.again(id),
      edit: (id) => this.#composer.restore(this.#connection.takeBack(id)?.frame.text ?? ""),
      invite: (channel) => this.#invite(channel),
    });
    #composer = new Composer(this.#words, (text, files) => {
      if (!files.length) this.#connection.post({ type: "say", text });
      // What was written goes with the last of them, where it is read.
      files.forEach((file, index) => this.#connection.postFile(file, index === files.length - 1 ? text : ""));
    });

    /** The newest for each channel: the server's answer belongs to it. @type {Map<string, Invitation>} */
    #invitations = new Map();
    #unread = 0;
    #unreadTold = 0;
    #launcher = button("launcher", icon("chat"), h("span", { class: "badge", "aria-hidden": "true", hidden: "" }));
    #menu = new Menu(this.#words, (channel) => this.#inviteFromMenu(channel));
    #banner = h("div", { class: "banner", role: "status" });
    #heading = h("h2", { id: "heading" });
    #who = h("p", { class: "who" });
    #panel = this.#build();
    /** Ends every listener outside the element when it leaves the page. @type {AbortController | null} */
    #present = null;

    connectedCallback() {
      this.#present = new AbortController();
      const { signal } = this.#present;
      addEventListener("hashchange", () => this.#followLink(), { signal });
      addEventListener("storage", () => this.#readElsewhere(), { signal });
      document.addEventListener("visibilitychange", () => this.#markRead(), { signal });
      for (const event of ["resize", "scroll"]) {
        window.visualViewport?.addEventListener(event, () => this.#fit(), { signal });
      }
      this.#watchSettings(signal);
      this.attributeChangedCallback();
      this.#openAsElsewhere();
      if (!this.#followLink() && (this.isOpen || this.#memory.hasHistory())) this.#connection.open();
      page.settle(this);
    }

    disconnectedCallback() {
      page.settle(null);
      this.#present?.abort();
      this.#connection.close();
    }

    attributeChangedCallback() {
      const language = this.getAttribute("language") || this.#setting("language") || document.documentElement.lang;
      this.#words.use(language || navigator.language);
      this.#connection.language = this.#words.language;
      this.#paint();
    }

    get isOpen() {
      return !this.#panel.hidden;
    }

    open() {
      this.#reveal();
      this.#composer.focus();
      this.#memory.isOpen = true;
    }

    close() {
      if (!this.isOpen) return;
      this.#conceal();
      this.#launcher.focus();
      this.#memory.isOpen = false;
    }

    /** Open it without taking the keyboard. */
    #reveal() {
      if (!this.isOpen) page.tell("open");
      this.#panel.hidden = false;
      this.#launcher.hidden = true;
      this.#words.refresh();
      this.#fit();
      this.#paint();
      this.#transcript.scrollToEnd();
      this.#composer.measure();
      this.#connection.open();
      this.#greet();
      this.#markRead();
    }

    #conceal() {
      this.#panel.hidden = true;
      this.#launcher.hidden = false;
      this.#menu.close();
      page.tell("close");
    }

    /** As it is in the browser's other tabs, and was on the page before; a small screen it would cover. */
    #openAsElsewhere() {
      const open = this.#memory.isOpen;
      if (open && !this.isOpen && !matchMedia(SMALL).matches) this.#reveal();
      else if (!open && this.isOpen) this.#conceal();
    }

    /** Whom the page's own server vouches for; null: nobody. @param {Identity} who @returns {Promise<boolean>} */
    identify(who) {
      return this.#connection.identify(who);
    }

    #build() {
      dress(/** @type {ShadowRoot} */ (this.shadowRoot));
      const close = button("plain", icon("close"));
      const header = h(
        "header",
        {},
        h("span", { class: "mark", "aria-hidden": "true" }, icon("chat")),
        h("div", { class: "title" }, this.#heading, this.#who),
        this.#menu.node,
        this.#words.label(close, (w) => w.close),
      );
      const panel = h("section", { class: "panel", role: "dialog", "aria-labelledby": "heading", hidden: "" });
      panel.append(header, this.#banner, this.#transcript.node, this.#composer.node);
      close.addEventListener("click", () => this.close());
      this.#composer.acceptDrops(panel);
      panel.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && !event.isComposing && !event.defaultPrevented) this.close();
      });
      this.#launcher.addEventListener("click", () => this.open());
      this.#launcher.setAttribute("aria-haspopup", "dialog");
      this.#words.text(this.#heading, (w) => this.#setting("title") || w.title);
      this.#words.text(this.#who, (w) => w.bot);
      this.#showUnread();
      this.shadowRoot?.append(this.#launcher, panel);
      return panel;
    }

    /** @param {Message} message @param {boolean} live */
    #onMessage(message, live) {
      this.#transcript.show(message, live);
      this.#showTrouble("");
      if (message.author === "customer") return;
      this.#words.text(this.#who, (w) => (message.author === "agent" ? w.agent : w.bot));
      if (this.isOpen && !document.hidden) this.#markRead();
      else if (live || message.seq > this.#memory.session.read) this.#unread += 1;
      this.#showUnread();
      const { id, author, text = "", at } = message;
      if (live) page.tell("message", { id, author, text, at });
    }

    /** @param {string[]} channels */
    #onReady(channels) {
      this.#menu.offer(channels);
      this.#transcript.setBusy(false);
      for (const invitation of this.#invitations.values()) {
        if (invitation.isWaiting) this.#connection.ask(invitation.channel);
      }
      this.#greet();
      this.#markRead();
    }

    /** A customer who opens an empty chat is greeted; one who came with a link code is answered anyway. */
    #greet() {
      if (this.isOpen && this.#connection.isReady && this.#transcript.isEmpty && !this.#connection.hasUnsent) {
        this.#connection.start();
      }
    }

    /** @param {string} code @param {Unsent} [unsent] */
    #onRefused(code, unsent) {
      if (unsent && unsent.frame.type !== "link") return this.#transcript.markFailed(unsent.frame.id, code);
      if (!unsent) return this.#invitations.forEach((invitation) => invitation.fail());
      this.#showTrouble("link");
      this.#greet();
    }

    /**
     * The visitor is unknown to the server by now, or another one: what stood here is not theirs.
     * @param {boolean} ranOut
     */
    #forget(ranOut) {
      const tellWhy = ranOut && !this.#transcript.isEmpty;
      this.#transcript.clear();
      const why = h("p", { class: "hint", role: "status" });
      if (tellWhy) this.#transcript.showNote(this.#words.text(why, (w) => w.newSession));
      this.#transcript.setBusy(true);
      this.#invitations.clear();
      this.#unread = 0;
      this.#showUnread();
      if (!this.isOpen && !this.#memory.hasHistory() && !this.#connection.hasUnsent) this.#connection.close();
    }

    /** @param {"" | "connecting" | "reconnecting" | "link"} trouble */
    #showTrouble(trouble) {
      this.#words.text(this.#banner, (w) => (trouble ? w.trouble[trouble] : ""));
    }

    #markRead() {
      if (!this.isOpen || document.hidden) return;
      this.#unread = 0;
      this.#showUnread();
      const { cursor, isReady } = this.#connection;
      if (!isReady || cursor <= this.#memory.session.read) return;
      this.#connection.seen(cursor);
      this.#memory.remember({ read: cursor });
    }

    /** Another tab of the same browser may have read what is counted here, or be somebody else's by now. */
    #readElsewhere() {
      this.#connection.followOtherTabs();
      this.#openAsElsewhere();
      if (this.#memory.session.read < this.#connection.cursor) return;
      this.#unread = 0;
      this.#showUnread();
    }

    #showUnread() {
      const badge = /** @type {HTMLElement} */ (this.#launcher.querySelector(".badge"));
      badge.hidden = this.#unread === 0;
      badge.textContent = this.#unread > 9 ? "9+" : `${this.#unread}`;
      this.#words.label(this.#launcher, (w) => (this.#unread ? w.openUnread(this.#unread) : w.open));
      if (this.#unread !== this.#unreadTold) page.tell("unread", (this.#unreadTold = this.#unread));
    }

    /** @param {string} channel */
    #invite(channel) {
      const invitation = new Invitation(channel, this.#words, () => {
        this.#invitations.set(channel, invitation);
        this.#connection.ask(channel);
      });
      return invitation;
    }

    /** @param {string} channel */
    #inviteFromMenu(channel) {
      const invitation = this.#invite(channel);
      this.#transcript.showNote(invitation.node);
      invitation.request();
      invitation.node.focus();
    }

    /** Take `continue=<code>` out of the address bar, where it could be copied along, and send it. */
    #followLink() {
      const parts = location.hash.slice(1).split("&");
      const found = parts.find((part) => part.startsWith("continue="));
      if (!found) return false;
      const rest = parts.filter((part) => part !== found).join("&");
      history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
      this.#connection.post({ type: "link", code: decoded(found.slice("continue=".length)) });
      this.open();
      return true;
    }

    /** @param {AbortSignal} signal */
    #watchSettings(signal) {
      const observer = new MutationObserver(() => this.attributeChangedCallback());
      observer.observe(document.documentElement, { attributeFilter: ["lang"] });
      for (const node of [script, this]) {
        if (node) observer.observe(node, { attributeFilter: ["data-language", "data-title", "data-accent"] });
      }
      signal.addEventListener("abort", () => observer.disconnect());
    }

    /** @param {"language" | "title" | "accent"} name */
    #setting(name) {
      return this.dataset[name] || script?.dataset[name] || "";
    }

    /** The shop's accent may be light or dark: what is written on it has to stay legible. */
    #paint() {
      const variable = getComputedStyle(this).getPropertyValue("--throughline-accent").trim();
      const wanted = [variable, this.#setting("accent")].find((color) => CSS.supports("color", color));
      const accent = wanted ?? "#0f6b5c";
      for (const { style } of [this.#panel, this.#launcher]) {
        style.setProperty("--accent", accent);
        style.setProperty("--on-accent", inkOn(accent));
      }
    }

    /** An on-screen keyboard covers the page without resizing it; only the visual viewport tells. */
    #fit() {
      const view = window.visualViewport;
      if (!view || !this.isOpen || view.scale > 1.05) return;
      this.#panel.style.setProperty("--visible-height", `${view.height}px`);
      this.#panel.style.setProperty("--visible-top", `${view.offsetTop}px`);
    }
  }

  // --- The session and its socket ------------------------------------------------------------------------------------

  /** Seconds. Names say what happens when the time is over. */
  const TIMES = { showTrouble: 2, typingEnds: 20, ackMissing: 20, readyMissing: 20, stable: 5, slowest: 30 };

  /**
   * Keeps one socket alive and hands over each message once. What the customer sent stays in the outbox until the
   * server has shown it; the server takes the same id twice as one message, so sending again is harmless.
   */
  class Connection {
    cursor = 0;
    isReady = false;
    language = "en";
    #gateway;
    #memory;
    #on;
    /** @type {WebSocket | null} */
    #socket = null;
    /** Whether the history was loaded once: what comes after it is news. */
    #live = false;
    #wanted = false;
    #connecting = false;
    #attempts = 0;
    #started = false;
    /** The token that the socket was opened with. */
    #token = "";
    /** @type {Identity | undefined} Undefined: the page has said nothing of it. */
    #identity;
    /** @type {Map<string, Unsent & {body: File}>} Files that the gateway does not have yet. */
    #files = new Map();
    #drawing = Promise.resolve();
    #uploading = false;
    /** The page named somebody, and the gateway was not asked yet, or could not be. */
    #identityDue = false;
    #stopListening = () => {};
    #timers = new Timers();

    /**
     * @param {string} gateway @param {Memory} memory
     * @param {{message: (message: Message, live: boolean) => void, ready: (channels: string[]) => void,
     *   typing: () => void, invitation: (link: Link) => void, sending: (unsent: Unsent) => void,
     *   progress: (id: string, part: number) => void, refused: (code: string, unsent?: Unsent) => void,
     *   closed: (message: number) => void, file: (message: number, file: Attachment) => void,
     *   forgotten: (ranOut: boolean) => void,
     *   trouble: (trouble: "" | "connecting" | "reconnecting") => void}} on
     */
    constructor(gateway, memory, on) {
      this.#gateway = gateway;
      this.#memory = memory;
      this.#on = on;
    }

    get hasUnsent() {
      return this.#memory.outbox.length > 0 || this.#files.size > 0;
    }

    open() {
      if (this.#wanted) return;
      this.#wanted = true;
      const present = new AbortController();
      const { signal } = present;
      addEventListener("online", () => this.#restart(), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || this.#hurry(), { signal });
      this.#stopListening = () => present.abort();
      for (const unsent of this.#memory.outbox) this.#on.sending(unsent);
      this.#connect();
    }

    close() {
      this.#wanted = false;
      this.#stopListening();
      this.#timers.clear();
      this.#drop();
    }

    /** Send once the server listens, keep until it has shown it. @param {Omit<Unsent["frame"], "id">} frame */
    post(frame) {
      const unsent = { frame: { ...frame, id: uuid() }, at: new Date().toISOString() };
      this.#memory.outbox = [...this.#memory.outbox, unsent];
      if (this.#wanted) this.#on.sending(unsent);
      this.#deliver(unsent);
    }

    /**
     * Upload a file, then say that it was sent. It is shown at once; over a reload the browser forgets it.
     * @param {File} body @param {string} text
     */
    postFile(body, text) {
      // Drawing a large picture takes longer than a small one, and they are shown in order.
      this.#drawing = this.#drawing.then(() => this.#queueFile(body, text));
    }

    /** @param {File} body @param {string} text */
    async #queueFile(body, text) {
      const frame = { type: /** @type {const} */ ("send_file"), id: uuid(), ...(text && { text }) };
      const attachment = { kind: "file", name: body.name, size: body.size, preview: await thumbnail(body) };
      const waiting = { frame, at: new Date().toISOString(), attachment, body };
      this.#files.set(frame.id, waiting);
      this.#on.sending(waiting);
      this.#uploadNext();
    }

    /** One after the other, so that they arrive in order. */
    async #uploadNext() {
      const next = [...this.#files.values()].find((one) => !one.failed);
      if (!next || this.#uploading || !this.isReady) return;
      this.#uploading = true;
      const { id } = next.frame;
      const token = this.#token;
      try {
        const told = (/** @type {number} */ part) => this.#on.progress(id, part);
        const { file, kind, name, type, size } = await upload(this.#gateway, token, next.body, told);
        const { preview } = next.attachment ?? {};
        const attachment = { kind, name, type, size, preview };
        // Taken for another session than the one of now, it is sent again.
        if (token === this.#token && this.#files.delete(id)) {
          const unsent = { frame: { ...next.frame, file }, at: next.at, attachment };
          this.#memory.outbox = [...this.#memory.outbox, unsent];
          this.#deliver(unsent);
        }
      } catch (problem) {
        const code = problem instanceof Refused ? problem.message : "unavailable";
        if (code !== "expired") {
          next.failed = code;
          this.#on.refused(code, next);
        } else if (token === this.#token) this.#expired();
      }
      this.#uploading = false;
      this.#uploadNext();
    }

    /** Send a refused frame again. @param {string} id */
    again(id) {
      const file = this.#files.get(id);
      if (file) {
        delete file.failed;
        this.#on.sending(file);
        this.#uploadNext();
        return;
      }
      const unsent = this.#memory.outbox.find((one) => one.frame.id === id);
      if (!unsent) return;
      delete unsent.failed;
      this.#memory.outbox = this.#memory.outbox.map((one) => (one.frame.id === id ? unsent : one));
      this.#on.sending(unsent);
      this.#deliver(unsent);
    }

    /** What was refused for good. @param {string} id */
    takeBack(id) {
      const file = this.#files.get(id);
      this.#files.delete(id);
      return file ?? this.withdraw(id);
    }

    /** Take a frame out of the outbox. @param {string | undefined} id */
    withdraw(id) {
      const unsent = this.#memory.outbox.find((one) => one.frame.id === id);
      if (unsent) this.#memory.outbox = this.#memory.outbox.filter((one) => one.frame.id !== id);
      return unsent;
    }

    /** Its id is kept with the session: repeated over a reload or another tab it is still the same start. */
    start() {
      const id = this.#memory.session.start || uuid();
      this.#memory.remember({ start: id });
      if (!this.#started) this.#write({ type: "start", id });
      this.#started = true;
    }

    /** @param {string} channel */
    ask(channel) {
      if (this.isReady) this.#write({ type: "invite", channel });
    }

    /** The customer has seen what is shown up to here. @param {number} seq */
    seen(seq) {
      this.#write({ type: "seen", seq });
    }

    /** @param {Identity} who @returns {Promise<boolean>} whether the gateway took it, or will be told it later */
    async identify(who) {
      this.#identity = who ?? undefined;
      this.#identityDue = Boolean(who);
      if (!who) return this.#signOut();
      // A visitor who has not opened the chat is not told of; with the first session this goes along.
      if (!this.#memory.session.token) return true;
      try {
        const signedIn = await this.#newSession();
        this.followOtherTabs();
        return signedIn;
      } catch {
        return true;
      }
    }

    /** Forgotten here at once, whether the gateway can be told or not. */
    async #signOut() {
      const { token, signedIn } = this.#memory.session;
      if (!signedIn) return true;
      this.#memory.forget();
      this.#memory.outbox = [];
      this.#files.clear();
      this.#begin(false);
      const answer = await this.#ask({ token, identity: null }).catch(() => null);
      return Boolean(answer?.ok);
    }

    /** Another tab may have another session by now: one browser is one visitor. */
    followOtherTabs() {
      if (this.#token && this.#memory.session.token !== this.#token) this.#begin(false);
    }

    async #connect() {
      if (!this.#wanted || this.#socket || this.#connecting) return;
      this.#connecting = true;
      this.#showTroubleSoon();
      try {
        if (!this.#memory.session.token) await this.#newSession();
        this.#token = this.#memory.session.token;
        if (this.#wanted) this.#listen();
      } catch {
        this.#lost();
      } finally {
        this.#connecting = false;
      }
    }

    #listen() {
      const socket = new WebSocket(`${this.#gateway.replace(/^http/, "ws")}/webchat/socket`);
      this.#socket = socket;
      this.#timers.set("ready", TIMES.readyMissing, () => this.#lost());
      socket.onopen = () =>
        this.#write({ type: "hello", token: this.#token, cursor: this.cursor, language: this.language });
      socket.onmessage = (event) => this.#read(event.data);
      socket.onclose = () => this.#lost();
    }

    /** @param {string} data */
    #read(data) {
      const frame = parsed(data);
      switch (frame?.type) {
        case "message":
          return this.#take(frame);
        case "ready":
          return this.#caughtUp(frame.channels ?? [], frame.expires_in);
        case "closed":
          return this.#on.closed(frame.message);
        case "file":
          return this.#on.file(frame.message, frame.file ?? {});
        case "typing":
          return this.#on.typing();
        case "invitation":
          return this.#on.invitation(frame);
        case "error":
          return frame.code === "busy" ? this.#later(frame.retry_after) : this.#refused(frame.code, frame.id);
        case "expired":
          return this.#expired();
      }
    }

    /** @param {Message} message */
    #take(message) {
      if (message.seq <= this.cursor) return;
      this.cursor = message.seq;
      if (this.withdraw(message.client_id)) this.#expectAck();
      if (this.isReady && message.author !== "customer") this.#linkAnswered();
      this.#on.message(message, this.#live);
    }

    /** A link code is no message of the transcript: the answer to it is all there is to see. */
    #linkAnswered() {
      const rest = this.#memory.outbox.filter((unsent) => unsent.frame.type !== "link");
      if (rest.length < this.#memory.outbox.length) this.#memory.outbox = rest;
    }

    /** @param {string[]} channels @param {number} [expiresIn] */
    #caughtUp(channels, expiresIn) {
      this.isReady = true;
      this.#live = true;
      this.#timers.clear();
      // The hello of a new socket prolongs the session; one that stays open does not.
      if (expiresIn) this.#timers.set("renew", expiresIn / 2, () => this.#restart());
      this.#timers.set("stable", TIMES.stable, () => (this.#attempts = 0));
      this.#on.trouble("");
      for (const unsent of this.#memory.outbox) this.#deliver(unsent);
      this.#on.ready(channels);
      this.#uploadNext();
      if (this.#identityDue && this.#identity) this.identify(this.#identity);
    }

    /** @param {Unsent} unsent */
    #deliver(unsent) {
      if (!this.isReady || unsent.failed || this.#timers.isSet("busy")) return;
      this.#write(unsent.frame);
      this.#expectAck();
    }

    /** A network that went away without a word swallows frames: no sign of what was sent means to reconnect. */
    #expectAck() {
      const expected = this.#memory.outbox.some((unsent) => !unsent.failed && unsent.frame.type !== "link");
      if (expected) this.#timers.set("ack", TIMES.ackMissing, () => this.#restart());
      else this.#timers.cancel("ack");
    }

    /** Too much is waiting: all that is in the outbox is kept, and sent in its order later. @param {number} [seconds] */
    #later(seconds = TIMES.slowest) {
      this.#timers.cancel("ack");
      // Spread, so that not everybody comes back at the same moment.
      this.#timers.once("busy", seconds * (1 + Math.random()), () => {
        for (const unsent of this.#memory.outbox) this.#deliver(unsent);
      });
    }

    /** @param {string} code @param {string} [id] */
    #refused(code, id) {
      const unsent = this.#memory.outbox.find((one) => one.frame.id === id);
      if (id && !unsent) return;
      if (unsent?.frame.type === "link") this.withdraw(id);
      else if (unsent) {
        unsent.failed = code;
        this.#memory.outbox = this.#memory.outbox.map((one) => (one.frame.id === id ? unsent : one));
      }
      this.#on.refused(code, unsent);
    }

    #expired() {
      // Another tab may have a new session by now.
      const ranOut = this.#memory.session.token === this.#token;
      if (ranOut) this.#memory.forget();
      this.#begin(ranOut);
    }

    /**
     * With the session that is kept now, or a new one, from its beginning. Words not sent yet go to it; a choice
     * answered a message that is gone, and a file that was uploaded belongs to the old one.
     * @param {boolean} ranOut
     */
    #begin(ranOut) {
      this.#drop();
      this.#memory.outbox = this.#memory.outbox.filter(({ frame }) => !["choose", "send_file"].includes(frame.type));
      this.#token = "";
      this.cursor = 0;
      this.#live = false;
      this.#on.forgotten(ranOut);
      for (const unsent of [...this.#memory.outbox, ...this.#files.values()]) this.#on.sending(unsent);
      // Not at once: a server that refuses its own tokens must not be asked in a tight loop.
      this.#attempts += 1;
      this.#timers.set("retry", this.#attempts > 1 ? this.#pause() : 0, () => this.#connect());
    }

    /**
     * Have a token, for whom the page vouches for if it does. One tab at a time, or each would get its own.
     * @returns {Promise<boolean>} whether whom the page vouches for was taken
     */
    #newSession() {
      return alone(`throughline:${this.#gateway}`, async () => {
        const { token: old } = this.#memory.session;
        const identity = await this.#whom();
        if (old && !identity) return true;
        const asked = old ? { token: old } : {};
        const first = await this.#ask(identity ? { ...asked, identity } : asked);
        if (identity && (first.ok || first.status === 401)) this.#identityDue = false;
        const refused = first.status === 401;
        if (refused) console.warn("Throughline: the identity was refused:", (await first.json()).error);
        const answer = refused && !old ? await this.#ask({}) : first;
        if (refused && old) return false;
        if (!answer.ok) throw new Error(`session: ${answer.status}`);
        const { token } = await answer.json();
        this.#memory.remember({ token, signedIn: Boolean(identity) && !refused });
        return !refused;
      });
    }

    /** The page's trouble with it must not be the visitor's. @returns {Promise<string | null | undefined>} */
    async #whom() {
      try {
        return typeof this.#identity === "function" ? await this.#identity() : this.#identity;
      } catch (error) {
        console.warn("Throughline: no identity:", error);
        return null;
      }
    }

    /** @param {object} body */
    #ask(body) {
      return fetch(`${this.#gateway}/webchat/session`, {
        method: "POST",
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout?.(TIMES.readyMissing * 1000),
      });
    }

    /** @param {object} frame */
    #write(frame) {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
    }

    #lost() {
      this.#drop();
      this.#showTroubleSoon();
      this.#timers.set("retry", this.#pause(), () => this.#connect());
      this.#attempts += 1;
    }

    /** A short interruption is nobody's business. */
    #showTroubleSoon() {
      const trouble = this.#live ? "reconnecting" : "connecting";
      this.#timers.once("trouble", TIMES.showTrouble, () => this.#on.trouble(trouble));
    }

    /** Seconds to wait: doubled each time, spread so that not everybody comes back at the same moment. */
    #pause() {
      return Math.min(TIMES.slowest, 0.5 * 2 ** this.#attempts) * (0.5 + Math.random() / 2);
    }

    #drop() {
      const socket = this.#socket;
      this.#socket = null;
      this.isReady = this.#started = false;
      for (const name of ["ready", "stable", "ack", "renew"]) this.#timers.cancel(name);
      if (!socket) return;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }

    /** The network has changed: an open socket may be a dead one. */
    #restart() {
      this.#attempts = 0;
      this.#drop();
      this.#connect();
    }

    #hurry() {
      if (!this.#timers.cancel("retry")) return;
      this.#attempts = 0;
      this.#connect();
    }
  }

  /** What the browser keeps: the session over visits, the outbox over reloads of this tab. */
  class Memory {
    #session;
    #outbox;
    #open;

    /** @param {string} gateway */
    constructor(gateway) {
      this.#session = new Drawer("localStorage", `throughline:${gateway}`);
      this.#outbox = new Drawer("sessionStorage", `throughline-outbox:${gateway}`);
      this.#open = new Drawer("localStorage", `throughline-open:${gateway}`);
    }

    /**
     * `read`: the cursor that the visitor has read up to; `signedIn`: the page's own server has vouched for them.
     * @returns {{token: string, read: number, start: string, signedIn: boolean}}
     */
    get session() {
      return { token: "", read: 0, start: "", signedIn: false, ...this.#session.read() };
    }

    /** @returns {Unsent[]} */
    get outbox() {
      const kept = this.#outbox.read();
      return Array.isArray(kept) ? kept : [];
    }

    set outbox(unsent) {
      this.#outbox.write(unsent);
    }

    /** Whether the chat is, in all tabs. By itself: a tab that notes what was read must not bring back what it was. */
    get isOpen() {
      return this.#open.read() === true;
    }

    set isOpen(open) {
      this.#open.write(open);
    }

    hasHistory() {
      const { token, read, start } = this.session;
      return Boolean(token && (read || start)) || this.outbox.length > 0;
    }

    /** @param {Partial<Memory["session"]>} changes */
    remember(changes) {
      this.#session.write({ ...this.session, ...changes });
    }

    forget() {
      this.#session.write({});
    }
  }

  /** One JSON value in the browser's storage; kept in memory where the browser denies it. */
  class Drawer {
    #place;
    #key;
    /** @type {any} */
    #value = null;
    #denied = false;

    /** @param {"localStorage" | "sessionStorage"} place @param {string} key */
    constructor(place, key) {
      this.#place = place;
      this.#key = key;
    }

    read() {
      if (!this.#denied) this.#attempt((storage) => (this.#value = parsed(storage.getItem(this.#key) ?? "null")));
      return this.#value;
    }

    /** @param {unknown} value */
    write(value) {
      this.#value = value;
      this.#attempt((storage) => storage.setItem(this.#key, JSON.stringify(value)));
    }

    /** @param {(storage: Storage) => void} use */
    #attempt(use) {
      try {
        use(window[this.#place]);
      } catch {
        this.#denied = true;
      }
    }
  }

  // --- Files on their way --------------------------------------------------------------------------------------------

  /** Bytes of one file, and how many go into one message: what the gateway takes. */
  const LARGEST_FILE = 20 * 1024 * 1024;
  const FILES_AT_ONCE = 10;

  /** The gateway does not take a file. The message is a code of the protocol. */
  class Refused extends Error {}

  /**
   * `fetch` does not tell how far an upload is.
   * @param {string} gateway @param {string} token @param {File} body @param {(part: number) => void} progress
   * @returns {Promise<{file: string, kind: string, name?: string, type: string, size: number}>} raises Refused
   */
  function upload(gateway, token, body, progress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${gateway}/webchat/files`);
      request.setRequestHeader("Authorization", `Bearer ${token}`);
      request.setRequestHeader("Content-Type", body.type || "application/octet-stream");
      request.setRequestHeader("X-File-Name", encodeURIComponent(body.name.toWellFormed?.() ?? body.name));
      request.upload.onprogress = ({ loaded, total }) => progress(loaded / (total || 1));
      request.onload = () => {
        const answer = parsed(request.responseText);
        if (request.status === 200 && answer?.file) return resolve(answer);
        const code = { 401: "expired", 422: `file_${answer?.error}`, 429: "too_fast" }[request.status];
        reject(new Refused(code ?? "unavailable"));
      };
      request.onerror = request.ontimeout = () => reject(new Refused("unavailable"));
      request.send(body);
    });
  }

  /**
   * A small drawing of a picture, as `data:`, which is what a page's policy allows for the QR code too.
   * @param {File} file
   */
  async function thumbnail(file) {
    if (!file.type.startsWith("image/")) return "";
    try {
      const image = await createImageBitmap(file);
      const scale = Math.min(1, 480 / Math.max(image.width, image.height));
      const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
      const paper = /** @type {HTMLCanvasElement} */ (h("canvas", { width: `${width}`, height: `${height}` }));
      const brush = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d"));
      brush.fillStyle = "#fff";
      brush.fillRect(0, 0, width, height);
      brush.drawImage(image, 0, 0, width, height);
      return paper.toDataURL("image/jpeg", 0.8);
    } catch {
      return ""; // a picture that this browser cannot draw is shown by its name
    }
  }

  // --- The transcript ------------------------------------------------------------------------------------------------

  /**
   * One message as it stands in the transcript.
   * @typedef {{node: HTMLElement, day: HTMLElement, author: Message["author"], at: Date, id?: number,
   *   clientId?: string, time: HTMLElement, state: HTMLElement, problem: HTMLElement}} Entry
   */

  class Transcript {
    /** @type {Entry[]} In the server's order; what it has not shown yet comes last. */
    #entries = [];
    /** How many entries at the end are not confirmed by the server. */
    #unsent = 0;
    /** @type {HTMLElement[]} Groups of options that can still be tapped. */
    #open = [];
    #words;
    #on;
    #atEnd = true;
    #scrolled = 0;
    #height = 0;
    #timers = new Timers();
    #dots = h("div", { class: "typing", "aria-hidden": "true", hidden: "" }, h("i"), h("i"), h("i"));
    #list = h("div", { class: "list" });
    #log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-busy": "true", tabindex: "0" });
    #news = button("news");

    /**
     * @param {Words} words
     * @param {{choose: (message: Message, option: Option) => void, again: (id: string) => void,
     *   edit: (id: string) => void, invite: (channel: string) => Invitation}} on
     */
    constructor(words, on) {
      this.#words = words;
      this.#on = on;
      words.label(this.#log, (w) => w.conversation);
      words.text(this.#news, (w) => w.news);
      this.#log.append(this.#list, this.#dots);
      this.#news.hidden = true;
      this.#news.addEventListener("click", () => this.scrollToEnd());
      this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
      const sizes = new ResizeObserver(() => {
        if (this.#atEnd) this.scrollToEnd();
      });
      sizes.observe(this.#list);
      sizes.observe(this.#log);
      this.node = h("div", { class: "transcript" }, this.#log, this.#news);
    }

    get isEmpty() {
      return this.#entries.length === 0;
    }

    /** @param {Message} message @param {boolean} live */
    show(message, live) {
      const own = message.author === "customer";
      const unsent = own && message.client_id ? this.#find(message.client_id) : undefined;
      if (unsent) this.#confirm(unsent, message);
      else if (!isBlank(message)) this.#insert(this.#draw(message, live), live);
      if (message.invite) this.#offer(message.invite, live);
      if (message.choice) this.#markChosen(message.choice.message, message.choice.option);
      if (own) return this.#closeOptions();
      this.setTyping(false);
      for (const entry of this.#entries) if (entry.node.dataset.state === "sent") this.#setState(entry, "seen");
    }

    /** The customer's own, at once; `show` confirms it. @param {Unsent} unsent */
    showUnsent({ frame, at, failed, attachment }) {
      if (frame.type === "link") return;
      const known = this.#find(frame.id);
      if (known) return failed ? undefined : this.#setState(known, "sending");
      const text = frame.text ?? frame.label ?? "";
      const bubble = text ? h("div", { class: "bubble", dir: "auto" }) : "";
      const entry = this.#shell("customer", new Date(at), attachment ? this.#attachment(attachment) : "", bubble);
      if (text) this.#say(entry, text);
      entry.clientId = frame.id;
      this.#entries.push(entry);
      this.#list.append(entry.node);
      this.#unsent += 1;
      this.#arrange(this.#entries.length - 1);
      this.#setState(entry, "sending");
      if (failed) this.markFailed(frame.id, failed);
      this.#closeOptions();
      this.scrollToEnd();
    }

    /** How much of a file is on the other side. @param {string} id @param {number} part */
    showProgress(id, part) {
      const file = this.#find(id)?.node.querySelector(".file");
      if (!file) return;
      const bar = /** @type {HTMLProgressElement} */ (file.querySelector("progress") ?? h("progress", { max: "1" }));
      this.#words.label(bar, (w) => w.states.sending).value = part;
      if (part < 1) file.append(bar);
      else bar.remove();
    }

    /** What became of a file of the customer's. @param {number} message @param {Attachment} file */
    showFile(message, file) {
      const shown = this.#entries.findLast((entry) => entry.id === message)?.node.querySelector(".file");
      const preview = shown?.querySelector("img")?.getAttribute("src")?.startsWith("data:");
      if (shown && !(preview && file.outcome === "stored")) shown.replaceWith(this.#attachment(file));
    }

    /** The question of this message is not open any more. @param {number} message */
    close(message) {
      this.#closeOptions(this.#open.filter((group) => group.dataset.message === `${message}`));
    }

    /** @param {string} id @param {string} code */
    markFailed(id, code) {
      const entry = this.#find(id);
      if (!entry) return;
      entry.node.querySelector("progress")?.remove();
      this.#setState(entry, "failed");
      const isFile = code.startsWith("file_");
      const hopeless = code === "too_long" || code === "malformed" || code === "no_file" || isFile;
      const remove = isFile || code === "no_file";
      const remedy = this.#words.text(button("remedy"), (w) => (remove ? w.remove : hopeless ? w.edit : w.again));
      remedy.addEventListener("click", () => {
        if (hopeless) this.#remove(entry);
        (hopeless ? this.#on.edit : this.#on.again)(id);
      });
      const why = this.#words.text(h("span"), (w) => w.errors[code] ?? w.errors.unavailable);
      entry.problem.replaceChildren(why, remedy);
    }

    /**
     * Below the message that was just shown. A link is asked for by itself only when the customer is looking: one from
     * history, or behind a closed panel, would have run out unseen.
     * @param {string} channel @param {boolean} live
     */
    #offer(channel, live) {
      const invitation = this.#on.invite(channel);
      this.#entries[this.#entries.length - this.#unsent - 1].node.querySelector(".body")?.append(invitation.node);
      if (live && this.#log.clientHeight) invitation.request();
    }

    /** Something that is no message, at the place where it came up. @param {HTMLElement} node */
    showNote(node) {
      this.#list.querySelector(":scope > .note")?.remove();
      node.classList.add("note");
      this.#list.append(node);
      this.scrollToEnd();
    }

    clear() {
      this.#entries = [];
      this.#unsent = 0;
      this.#open = [];
      this.#list.replaceChildren();
      this.setTyping(false);
    }

    /** While the history is loading nothing is read out. @param {boolean} busy */
    setBusy(busy) {
      this.#log.setAttribute("aria-busy", `${busy}`);
    }

    /** @param {boolean} typing */
    setTyping(typing) {
      this.#dots.hidden = !typing;
      this.#timers.cancel("typing");
      if (!typing) return;
      this.#timers.set("typing", TIMES.typingEnds, () => this.setTyping(false));
      if (this.#atEnd) this.scrollToEnd();
    }

    scrollToEnd() {
      this.#atEnd = true;
      this.#news.hidden = true;
      this.#log.scrollTop = this.#log.scrollHeight;
    }

    #onScroll() {
      // Hidden, everything measures nothing.
      if (!this.#log.clientHeight) return;
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      const near = scrollHeight - scrollTop - clientHeight < 48;
      // Only the reader scrolls up; what grew or shrank in the meantime has moved the end, not the reader.
      if (near || (scrollTop < this.#scrolled && scrollHeight === this.#height)) this.#atEnd = near;
      this.#scrolled = scrollTop;
      this.#height = scrollHeight;
      if (near) this.#news.hidden = true;
    }

    /** @param {Entry} entry @param {boolean} live */
    #insert(entry, live) {
      const index = this.#entries.length - this.#unsent;
      const next = this.#entries[index]?.node ?? null;
      this.#entries.splice(index, 0, entry);
      this.#list.insertBefore(entry.node, next);
      this.#arrange(index);
      if (this.#atEnd) this.scrollToEnd();
      else if (live && entry.author !== "customer") this.#news.hidden = false;
    }

    /**
     * The server has it: from now on it stands where the server has it.
     * @param {Entry} entry @param {Message} message
     */
    #confirm(entry, message) {
      delete entry.clientId;
      entry.id = message.id;
      entry.at = new Date(message.at);
      this.#showTime(entry);
      this.#setState(entry, "sent");
      const from = this.#entries.indexOf(entry);
      const to = this.#entries.length - this.#unsent;
      this.#unsent -= 1;
      if (from !== to) {
        this.#entries.splice(from, 1);
        this.#list.insertBefore(entry.node, this.#entries[to].node);
        this.#entries.splice(to, 0, entry);
        this.#arrange(from);
      }
      this.#arrange(to);
    }

    /** @param {Entry} entry */
    #remove(entry) {
      const index = this.#entries.indexOf(entry);
      this.#entries.splice(index, 1);
      this.#unsent -= 1;
      entry.node.remove();
      this.#arrange(index);
    }

    /** @param {string} clientId */
    #find(clientId) {
      return this.#entries.findLast((entry) => entry.clientId === clientId);
    }

    /** Days and groups depend on the neighbours. @param {number} index */
    #arrange(index) {
      for (const i of [index - 1, index, index + 1]) {
        const [before, entry, after] = [this.#entries[i - 1], this.#entries[i], this.#entries[i + 1]];
        if (!entry) continue;
        entry.day.hidden = Boolean(before) && sameDay(before.at, entry.at);
        entry.node.classList.toggle("first", !before || !together(before, entry));
        entry.node.classList.toggle("last", !after || !together(entry, after));
      }
    }

    /** @param {Message} message @param {boolean} live @returns {Entry} */
    #draw(message, live) {
      const { author, text, file, location } = message;
      const own = author === "customer";
      const image = picture(message.image, "image");
      const bubble = text ? h("div", { class: "bubble", dir: "auto" }) : "";
      const attachment = file ? this.#attachment(file) : "";
      const place = location ? this.#place(location) : "";
      const parts = own ? [attachment, bubble] : [image, bubble, attachment, place];
      const entry = this.#shell(author, new Date(message.at), ...parts);
      entry.id = message.id;
      if (text) this.#say(entry, text, message.runs);
      if (image) this.#words.alt(image, (w) => w.picture);
      if (author === "customer") this.#setState(entry, "sent");
      const body = /** @type {HTMLElement} */ (entry.node.querySelector(".body"));
      const waiting = !message.closed && (live || this.#unsent === 0);
      if (message.options?.length) body.append(this.#quickReplies(message, message.options, waiting));
      if (message.cards?.length) body.append(this.#cards(message, message.cards, waiting));
      return entry;
    }

    /** A file: what can be looked at is, anything else is its name. @param {Attachment} file */
    #attachment(file) {
      const { kind, name, size, outcome, preview } = file;
      const gone = outcome === "refused" || outcome === "lost";
      const url = gone ? "" : webAddress(file.url && new URL(file.url, gateway).href);
      const box = h("div", { class: `file ${kind}` });
      const chip = this.#chip(file, url);
      const drawn = preview ? h("img", { class: "image", src: preview, alt: "" }) : "";
      const image = drawn || (kind === "picture" && picture(url, "image", "eager"));
      if (image) {
        this.#words.alt(image, (w) => name || w.picture);
        box.append(url ? h("a", { href: url, ...OUTSIDE }, image) : image);
        image.addEventListener("error", () => box.replaceChildren(chip));
      } else if (url && (kind === "audio" || kind === "voice" || kind === "video")) {
        const player = h(kind === "video" ? "video" : "audio", { controls: "", preload: "none", src: url });
        box.append(this.#words.label(player, (w) => name || w.kinds[kind]), chip);
      } else box.append(chip);
      if (gone) box.append(this.#words.text(h("span", { class: "file-problem" }), (w) => w.outcomes[outcome]));
      return box;
    }

    /** A file's name and size, leading to it where it can be had. @param {Attachment} file @param {string} url */
    #chip({ kind, name, size = 0 }, url) {
      const label = h("span", { class: "file-name", dir: "auto" });
      this.#words.text(label, (w) => name || (w.kinds[kind] ?? w.kinds.file));
      const told = h("span", { class: "file-size" });
      if (size) this.#words.text(told, (_, locale) => bytes(size, locale));
      const link = url ? { href: url, ...OUTSIDE } : {};
      return h(url ? "a" : "span", { class: "chip", ...link }, icon("file"), label, size ? told : "");
    }

    /** @param {Place} place */
    #place({ name, address, latitude, longitude, map }) {
      const box = h("div", { class: "place" }, icon("place"));
      const words = h("div", { class: "place-words" });
      if (name) words.append(h("strong", { dir: "auto" }, name));
      if (address) words.append(h("span", { dir: "auto" }, address));
      if (!name && !address) words.append(`${latitude.toFixed(5)}, ${longitude.toFixed(5)}`);
      const url = webAddress(map);
      if (url) words.append(this.#words.text(h("a", { href: url, ...OUTSIDE }), (w) => w.map));
      box.append(words);
      return box;
    }

    /** @param {string} author @param {Date} at @param {...(Node | string)} content @returns {Entry} */
    #shell(author, at, ...content) {
      /** @type {Message["author"]} */
      const whom = author === "agent" || author === "customer" ? author : "bot";
      const [time, date] = [h("time"), h("time")];
      const state = h("span", { class: "state" });
      const problem = h("div", { class: "problem" });
      const day = h("div", { class: "day" }, date);
      const name = this.#words.text(h("div", { class: "name", "aria-hidden": "true" }), (w) => w[whom]);
      const avatar = h("span", { class: "avatar", "aria-hidden": "true" }, icon(whom === "agent" ? "person" : "bot"));
      const body = h("div", { class: "body" }, ...content);
      const meta = h("div", { class: "meta" }, time, state);
      const line = whom === "customer" ? body : h("div", { class: "line" }, avatar, body);
      const node = h("div", { class: `row ${whom}` }, day, whom === "customer" ? "" : name, line, meta, problem);
      const entry = { node, day, author: whom, at, time, state, problem };
      this.#words.text(date, (_, locale) => dayName(at, locale));
      date.setAttribute("datetime", isoDay(at));
      this.#showTime(entry);
      return entry;
    }

    /** @param {Entry} entry @param {string} text @param {Run[]} [runs] */
    #say(entry, text, runs) {
      // A direction of its own, or it would decide the bubble's.
      const said = this.#words.text(h("span", { class: "hidden", dir: "ltr" }), (w) => `${w[entry.author]}: `);
      entry.node.querySelector(".bubble")?.append(said, h("span", { class: "text" }, ...rich(text, runs)));
    }

    /** @param {Entry} entry */
    #showTime(entry) {
      const { time, at } = entry;
      time.setAttribute("datetime", isNaN(+at) ? "" : at.toISOString());
      this.#words.text(time, (_, locale) => clock(at, locale));
    }

    /** @param {Entry} entry @param {"sending" | "sent" | "seen" | "failed"} state */
    #setState(entry, state) {
      entry.node.dataset.state = state;
      this.#keepFocus(entry.problem);
      entry.problem.replaceChildren();
      const told = this.#words.text(h("span", { class: "hidden" }), (w) => w.states[state]);
      entry.state.replaceChildren(icon(state), told);
    }

    /** @param {Message} message @param {Option[]} options @param {boolean} waiting */
    #quickReplies(message, options, waiting) {
      // Many, or explained ones, read best one below the other.
      const look = options.length > 8 || options.some((option) => option.description) ? "replies many" : "replies";
      const group = this.#words.label(h("div", { class: look, role: "group" }), (w) => w.replies);
      for (const older of this.#open) older.hidden ||= older.matches(".replies");
      return this.#options(group, message, options, "reply", waiting);
    }

    /**
     * @param {HTMLElement} group @param {Message} message @param {Option[]} options
     * @param {string} look @param {boolean} waiting
     */
    #options(group, message, options, look, waiting) {
      group.dataset.message = `${message.id}`;
      for (const option of options) {
        const node = button(look, option.title);
        node.dir = "auto";
        node.dataset.option = `${option.index}`;
        if (option.description) node.append(h("span", { class: "more" }, option.description));
        node.addEventListener("click", () => {
          this.#markChosen(message.id, option.index);
          this.#on.choose(message, option);
        });
        group.append(node);
      }
      if (waiting) this.#open.push(group);
      else this.#closeOptions([group]);
      return group;
    }

    /**
     * Quick replies go when one of them, or anything else, was answered: the answer stands below. A card keeps its
     * buttons, greyed out.
     */
    #closeOptions(closing = this.#open) {
      for (const group of closing) {
        this.#keepFocus(group);
        if (group.matches(".replies")) group.hidden = true;
        for (const option of group.querySelectorAll("button")) option.disabled = true;
      }
      this.#open = this.#open.filter((group) => !closing.includes(group));
    }

    /** On a card it would not be seen otherwise which was taken. @param {number} message @param {number} option */
    #markChosen(message, option) {
      const place = `.card-options[data-message="${Number(message)}"] [data-option="${Number(option)}"]`;
      const node = this.#list.querySelector(place);
      if (!node || node.matches(".chosen")) return;
      node.classList.add("chosen");
      node.append(icon("sent"), this.#words.text(h("span", { class: "hidden" }), (w) => w.chosen));
    }

    /** Who works with the keyboard would lose the place when a button goes. @param {HTMLElement} leaving */
    #keepFocus(leaving) {
      if (leaving.matches(":focus-within")) this.#log.focus({ preventScroll: true });
    }

    /** @param {Message} message @param {Card[]} cards @param {boolean} waiting */
    #cards(message, cards, waiting) {
      const row = this.#words.label(h("div", { class: "cards", role: "group", tabindex: "0" }), (w) => w.cards);
      for (const card of cards) {
        const node = h("div", { class: "card" }, picture(card.image, "picture") ?? "");
        node.append(h("div", { class: "card-title", dir: "auto" }, card.title));
        if (card.text) node.append(h("div", { class: "card-text", dir: "auto" }, ...rich(card.text, card.runs)));
        const group = h("div", { class: "card-options" });
        if (card.options?.length) node.append(this.#options(group, message, card.options, "card-option", waiting));
        row.append(node);
      }
      return row;
    }
  }

  // --- The invitation to another channel -----------------------------------------------------------------------------

  /** The channel, so to speak, of a code that is typed wherever the customer likes. */
  const TYPED = "code";

  /** A card with a fresh deep link or a code. The link's QR code is drawn by the server and shown as an image, never as markup. */
  class Invitation {
    isWaiting = false;
    #words;
    #ask;
    #timers = new Timers();

    /** @param {string} channel @param {Words} words @param {() => void} ask */
    constructor(channel, words, ask) {
      this.channel = channel;
      this.#words = words;
      this.#ask = ask;
      this.node = h("div", { class: "invitation", role: "group", tabindex: "-1" });
      words.label(this.node, (w) => this.#title(w));
      this.#offer((w) => this.#way(w).get);
    }

    request() {
      this.isWaiting = true;
      this.#say((w) => this.#way(w).preparing);
      this.#timers.set("answer", TIMES.readyMissing, () => this.fail());
      this.#ask();
    }

    fail() {
      if (this.isWaiting) this.#offer((w) => w.again, (w) => this.#way(w).none);
    }

    /** @param {Link} link */
    show(link) {
      if (link.code) return this.#showCode(link.code, link.expires_in);
      const url = webAddress(link.url ?? "");
      if (!url) return this.fail();
      this.#stopWaiting();
      const name = channelName(this.channel);
      const open = h("a", { class: "continue", href: url, target: "_blank", rel: "noopener" });
      this.#words.text(open, (w) => w.openChannel(name));
      const left = h("p", { class: "left", role: "timer" });
      this.#put(this.#qr(link.qr ?? "", name), this.#hint((w) => w.scan), open, left);
      this.#countDown(left, Date.now() + link.expires_in * 1000);
    }

    /** One that is typed on another channel, whichever. @param {string} code @param {number} seconds */
    #showCode(code, seconds) {
      this.#stopWaiting();
      const left = h("p", { class: "left", role: "timer" });
      this.#put(h("p", { class: "code" }, code), this.#hint((w) => w.typeCode), left);
      this.#countDown(left, Date.now() + seconds * 1000);
    }

    /** @param {WordTable} w */
    #title(w) {
      return this.channel === TYPED ? w.continueElsewhere : w.continueOn(channelName(this.channel));
    }

    /** @param {WordTable} w */
    #way(w) {
      return this.channel === TYPED ? w.code : w.link;
    }

    /** @param {HTMLElement} left @param {number} deadline */
    #countDown(left, deadline) {
      const seconds = Math.ceil((deadline - Date.now()) / 1000);
      if (seconds <= 0) return this.#offer((w) => this.#way(w).fresh, (w) => this.#way(w).over);
      this.#words.text(left, (w) => w.validFor(`${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`));
      this.#timers.set("second", 1, () => this.#countDown(left, deadline));
    }

    /** @param {Phrase} phrase @param {Phrase} [why] */
    #offer(phrase, why) {
      this.#stopWaiting();
      const get = this.#words.text(button("continue"), phrase);
      get.addEventListener("click", () => {
        this.node.focus();
        this.request();
      });
      this.#put(why ? this.#hint(why) : "", get);
    }

    /** @param {Phrase} phrase */
    #say(phrase) {
      this.#put(this.#hint(phrase));
    }

    #stopWaiting() {
      this.isWaiting = false;
      this.#timers.clear();
    }

    /** @param {...(Node | string)} content */
    #put(...content) {
      const title = this.#words.text(h("p", { class: "heading" }), (w) => this.#title(w));
      this.node.replaceChildren(title, ...content);
    }

    /** @param {Phrase} phrase */
    #hint(phrase) {
      return this.#words.text(h("p", { class: "hint" }), phrase);
    }

    /** @param {string} svg @param {string} name */
    #qr(svg, name) {
      if (!svg) return "";
      // As an image an SVG needs its namespace, which markup meant for a page may leave out.
      const whole = svg.replace(/^<svg(?![^>]*xmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"');
      const image = h("img", { class: "qr", src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(whole)}` });
      image.addEventListener("error", () => image.remove());
      return this.#words.alt(image, (w) => w.qr(name));
    }
  }

  /** The header's menu: a menu button with arrow keys, there only when there is somewhere to go on. */
  class Menu {
    #words;
    #choose;
    #button = button("plain", icon("more"));
    #items = h("div", { class: "menu", role: "menu", hidden: "" });
    node = h("div", { class: "menu-place", hidden: "" }, this.#button, this.#items);

    /** @param {Words} words @param {(channel: string) => void} choose */
    constructor(words, choose) {
      this.#words = words;
      this.#choose = choose;
      words.label(this.#button, (w) => w.menu);
      words.label(this.#items, (w) => w.menu);
      this.#button.setAttribute("aria-haspopup", "menu");
      this.#toggle(false);
      this.#button.addEventListener("click", () => this.#toggle(Boolean(this.#items.hidden)));
      this.node.addEventListener("keydown", (event) => this.#onKey(event));
      this.node.addEventListener("focusout", (event) => {
        if (!this.node.contains(/** @type {Node | null} */ (event.relatedTarget))) this.close();
      });
    }

    /** @param {string[]} channels */
    offer(channels) {
      this.node.hidden = channels.length === 0;
      this.#items.replaceChildren(...channels.map((channel) => this.#item(channel)));
    }

    close() {
      if (!this.#items.hidden) this.#toggle(false);
    }

    /** @param {string} channel */
    #item(channel) {
      const item = this.#words.text(button("item"), (w) => w.continueOn(channelName(channel)));
      item.setAttribute("role", "menuitem");
      item.tabIndex = -1;
      item.addEventListener("click", () => {
        this.close();
        this.#choose(channel);
      });
      return item;
    }

    /** @param {boolean} open */
    #toggle(open) {
      this.#items.hidden = !open;
      this.#button.setAttribute("aria-expanded", `${open}`);
      if (open) /** @type {HTMLElement} */ (this.#items.firstElementChild)?.focus();
    }

    /** @param {KeyboardEvent} event */
    #onKey(event) {
      const items = /** @type {HTMLElement[]} */ ([...this.#items.children]);
      const now = items.findIndex((item) => item.matches(":focus"));
      const last = items.length - 1;
      const next = { ArrowDown: now + 1, ArrowUp: now < 0 ? last : now - 1, Home: 0, End: last }[event.key];
      if (next !== undefined) {
        this.#toggle(true);
        items.at(next % items.length)?.focus();
      } else if (event.key === "Escape" && !this.#items.hidden) {
        this.close();
        this.#button.focus();
      } else return;
      event.preventDefault();
    }
  }

  // --- The composer --------------------------------------------------------------------------------------------------

  /** Characters, as the server counts them: code points. */
  const LONGEST = 8000;

  class Composer {
    #send;
    #words;
    /** @type {File[]} To go with the next message. */
    #files = [];
    #field = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: "1", dir: "auto", enterkeyhint: "send" }));
    #button = button("send", icon("send"));
    #clip = button("plain clip", icon("clip"));
    #picker = /** @type {HTMLInputElement} */ (h("input", { type: "file", multiple: "", hidden: "" }));
    #tray = h("ul", { class: "tray", hidden: "" });
    #problem = h("p", { class: "tray-problem", role: "alert" });
    #counter = h("div", { class: "counter", id: "counter", hidden: "" });
    #bar = h("div", { class: "bar" }, this.#clip, this.#picker, this.#field, this.#button);
    node = h("div", { class: "composer" }, this.#counter, this.#problem, this.#tray, this.#bar);

    /** @param {Words} words @param {(text: string, files: File[]) => void} send */
    constructor(words, send) {
      this.#send = send;
      this.#words = words;
      words.label(this.#field, (w) => w.field);
      words.placeholder(this.#field, (w) => w.placeholder);
      words.label(this.#button, (w) => w.send);
      words.label(this.#clip, (w) => w.attach);
      words.label(this.#picker, (w) => w.attach);
      words.label(this.#tray, (w) => w.attached);
      this.#field.setAttribute("aria-describedby", "counter");
      this.#field.addEventListener("input", () => this.measure());
      this.#field.addEventListener("keydown", (event) => this.#onKey(event));
      this.#field.addEventListener("paste", (event) => this.#onFiles(event, event.clipboardData));
      this.#button.addEventListener("click", () => this.#submit());
      this.#clip.addEventListener("click", () => this.#picker.click());
      this.#picker.addEventListener("change", () => {
        this.#attach([...(this.#picker.files ?? [])]);
        this.#picker.value = "";
      });
      this.measure();
    }

    /** Files may be dropped anywhere on the panel. @param {HTMLElement} panel */
    acceptDrops(panel) {
      const over = (/** @type {boolean} */ on) => panel.classList.toggle("dropping", on);
      panel.addEventListener("dragover", (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        over(true);
      });
      panel.addEventListener("dragleave", (event) => {
        if (!panel.contains(/** @type {Node | null} */ (event.relatedTarget))) over(false);
      });
      panel.addEventListener("drop", (event) => {
        over(false);
        this.#onFiles(event, event.dataTransfer);
      });
    }

    focus() {
      this.measure();
      this.#field.focus({ preventScroll: true });
    }

    /** @param {string} text */
    restore(text) {
      this.#field.value = text;
      this.focus();
    }

    /** @param {KeyboardEvent} event */
    #onKey(event) {
      if (event.key !== "Enter" || event.shiftKey) return;
      // The Enter that ends a composition of Chinese input; Safari tells it by 229 only, after the composition's end.
      if (event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit();
    }

    /** @param {Event} event @param {DataTransfer | null} data */
    #onFiles(event, data) {
      const files = [...(data?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.#attach(files);
      this.focus();
    }

    /** @param {File[]} files */
    #attach(files) {
      const good = files.filter(({ size }) => size > 0 && size <= LARGEST_FILE);
      const [bad] = files.filter((file) => !good.includes(file));
      const room = FILES_AT_ONCE - this.#files.length;
      const code = bad ? (bad.size ? "file_too_large" : "file_empty") : good.length > room ? "file_too_many" : "";
      this.#words.text(this.#problem, (w) => (code ? `${bad ? `${bad.name}: ` : ""}${w.errors[code]}` : ""));
      this.#files.push(...good.slice(0, room));
      this.#showTray();
    }

    #showTray() {
      this.#tray.replaceChildren(...this.#files.map((file) => this.#inTray(file)));
      this.#tray.hidden = !this.#files.length;
      this.measure();
    }

    /** @param {File} file */
    #inTray(file) {
      const remove = this.#words.label(button("plain", icon("close")), (w) => w.removeNamed(file.name));
      remove.addEventListener("click", () => {
        this.#files = this.#files.filter((other) => other !== file);
        this.#showTray();
        this.focus();
      });
      const size = this.#words.text(h("span", { class: "file-size" }), (_, locale) => bytes(file.size, locale));
      const name = h("span", { class: "file-name", dir: "auto" }, file.name);
      return h("li", {}, icon("file"), name, size, remove);
    }

    #submit() {
      const text = this.#field.value.trim();
      if (this.#button.disabled) return;
      this.#send(text, this.#files);
      this.#files = [];
      this.#words.text(this.#problem, () => "");
      this.#showTray();
      this.restore("");
    }

    measure() {
      const field = this.#field;
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight}px`;
      const length = [...field.value.trim()].length;
      const over = length > LONGEST;
      this.#button.disabled = over || (length === 0 && this.#files.length === 0);
      this.#counter.hidden = length < LONGEST * 0.9;
      this.#counter.classList.toggle("over", over);
      field.setAttribute("aria-invalid", `${over}`);
      // What describes the field is read out even while it is hidden.
      const counts = this.#counter.hidden ? [] : [length, LONGEST];
      this.#words.text(this.#counter, (_, locale) => counts.map((n) => n.toLocaleString(locale)).join(" / "));
    }
  }

  // --- For the page's own scripts ------------------------------------------------------------------------------------

  /**
   * `window.Throughline`, as README.md describes it. What is asked before the element is on the page waits for it.
   */
  class PageApi {
    /** @type {Map<string, Set<(detail: any) => void>>} */
    #handlers = new Map(["open", "close", "message", "unread"].map((name) => [name, new Set()]));
    /** @type {ThroughlineChat | null} */
    #chat = null;
    /** @type {((chat: ThroughlineChat) => void)[]} */
    #waiting = [];

    /** Put it on the page, and do what was asked of it before. */
    offer() {
      const early = window.Throughline;
      const calls = {
        open: () => this.#ask((chat) => chat.open()),
        close: () => this.#ask((chat) => chat.close()),
        identify: (/** @type {Identity} */ who) => this.#ask((chat) => chat.identify(who)),
        on: (/** @type {string} */ name, /** @type {(detail: any) => void} */ handler) => this.#on(name, handler),
        push: (/** @type {[string, ...any]} */ [name, ...details]) => {
          // @ts-ignore: whatever the page has written there
          calls[name](...details);
        },
      };
      window.Throughline = Object.freeze(calls);
      if (Array.isArray(early)) for (const call of early) attempt(() => calls.push(call));
    }

    /** @param {ThroughlineChat | null} chat */
    settle(chat) {
      this.#chat = chat;
      if (chat) for (const ask of this.#waiting.splice(0)) ask(chat);
    }

    /** What has happened; a handler that fails troubles the page alone. @param {string} name @param {any} [detail] */
    tell(name, detail) {
      for (const handler of this.#handlers.get(name) ?? []) attempt(() => handler(detail));
    }

    /** @template T @param {(chat: ThroughlineChat) => T} what @returns {Promise<Awaited<T>>} */
    async #ask(what) {
      const chat = this.#chat ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
      return what(chat);
    }

    /** @param {string} name @param {(detail: any) => void} handler @returns {() => void} takes the handler off again */
    #on(name, handler) {
      const handlers = this.#handlers.get(name);
      if (!handlers || typeof handler !== "function") throw new TypeError(`Throughline.on: ${name}`);
      handlers.add(handler);
      return () => void handlers.delete(handler);
    }
  }

  const page = new PageApi();

  // --- Small tools ---------------------------------------------------------------------------------------------------

  /** @typedef {(words: WordTable, locale: string) => string} Phrase */

  /** The widget's own words on their nodes, said again when the language changes. */
  class Words {
    language = "en";
    #root;
    #locale = "en";
    /** @type {WeakMap<Element, Map<string, Phrase>>} */
    #said = new WeakMap();

    /** @param {ShadowRoot} root */
    constructor(root) {
      this.#root = root;
    }

    /** @param {string} tag A BCP 47 tag; what is not Chinese gets English. */
    use(tag) {
      this.language = /^zh\b/i.test(tag) ? "zh" : "en";
      // The visitor's own region decides how dates and times look, where it speaks this language.
      this.#locale = navigator.languages.find((own) => own.startsWith(this.language)) ?? this.language;
      this.refresh();
    }

    refresh() {
      for (const node of this.#root.querySelectorAll("*")) {
        if (node.parentNode === this.#root) node.setAttribute("lang", this.language === "zh" ? "zh-CN" : "en");
        this.#said.get(node)?.forEach((phrase, where) => this.#say(node, where, phrase));
      }
    }

    /** @template {Element} E @param {E} node @param {Phrase} phrase */
    text(node, phrase) {
      return this.#put(node, "text", phrase);
    }

    /** @template {Element} E @param {E} node @param {Phrase} phrase */
    label(node, phrase) {
      return this.#put(node, "aria-label", phrase);
    }

    /** @template {Element} E @param {E} node @param {Phrase} phrase */
    alt(node, phrase) {
      return this.#put(node, "alt", phrase);
    }

    /** @template {Element} E @param {E} node @param {Phrase} phrase */
    placeholder(node, phrase) {
      return this.#put(node, "placeholder", phrase);
    }

    /** @template {Element} E @param {E} node @param {string} where @param {Phrase} phrase @returns {E} */
    #put(node, where, phrase) {
      this.#said.set(node, (this.#said.get(node) ?? new Map()).set(where, phrase));
      this.#say(node, where, phrase);
      return node;
    }

    /** @param {Element} node @param {string} where @param {Phrase} phrase */
    #say(node, where, phrase) {
      const words = phrase(WORDS[this.language], this.#locale);
      if (where !== "text") node.setAttribute(where, words);
      // Setting the same text again would have it read out again.
      else if (node.textContent !== words) node.textContent = words;
    }
  }

  /** Time-outs by name, in seconds. */
  class Timers {
    /** @type {Map<string, number>} */
    #running = new Map();

    /** Start, or start anew. @param {string} name @param {number} seconds @param {() => void} then */
    set(name, seconds, then) {
      this.cancel(name);
      const timer = setTimeout(() => this.cancel(name) && then(), seconds * 1000);
      this.#running.set(name, /** @type {any} */ (timer));
    }

    /** Start unless it is running. @param {string} name @param {number} seconds @param {() => void} then */
    once(name, seconds, then) {
      if (!this.#running.has(name)) this.set(name, seconds, then);
    }

    /** @param {string} name */
    isSet(name) {
      return this.#running.has(name);
    }

    /** @param {string} name @returns {boolean} whether it was running */
    cancel(name) {
      clearTimeout(this.#running.get(name));
      return this.#running.delete(name);
    }

    clear() {
      for (const name of [...this.#running.keys()]) this.cancel(name);
    }
  }

  /** @param {string} tag @param {Record<string, string>} [attributes] @param {...(Node | string)} children */
  function h(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children.filter((child) => child !== ""));
    return node;
  }

  /** @param {string} look @param {...(Node | string)} children */
  function button(look, ...children) {
    return /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: look }, ...children));
  }

  /** @param {keyof typeof ICONS} name */
  function icon(name) {
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", `icon icon-${name}`);
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  /** Links lead out of the page, and the page they lead to does not learn more than it must. */
  const OUTSIDE = { target: "_blank", rel: "noopener" };

  /**
   * The URL if it leads to the web, and not to a script or a file.
   * @param {string | undefined} address @param {RegExp} protocols
   */
  function webAddress(address, protocols = /^https?:$/) {
    const url = address && URL.canParse(address) ? new URL(address) : null;
    return url && protocols.test(url.protocol) ? url.href : "";
  }

  /**
   * An image from the web, gone if it cannot be loaded.
   * @param {string | undefined} address @param {string} look @param {"lazy" | "eager"} loading
   */
  function picture(address, look, loading = "lazy") {
    const url = webAddress(address);
    if (!url) return "";
    const image = h("img", { class: look, alt: "", loading, referrerpolicy: "no-referrer", src: url });
    image.addEventListener("error", () => (image.hidden = true));
    return image;
  }

  /**
   * The text with its web addresses as links. Only a URL's own characters are taken: Chinese goes on without a space.
   * @param {string} text @returns {(Node | string)[]}
   */
  function withLinks(text) {
    return text.split(/(https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+)/).flatMap((part, index) => {
      if (index % 2 === 0) return part;
      const end = part.search(part.includes("(") ? /[.,;:!?'*]+$/ : /[.,;:!?'*)\]]+$/);
      const address = end < 0 ? part : part.slice(0, end);
      const url = webAddress(address);
      if (!url) return part;
      return [h("a", { href: url, ...OUTSIDE }, address), part.slice(address.length)];
    });
  }

  /**
   * The text as it is formatted: its runs, where it has any.
   * @param {string} text @param {Run[]} [runs] @returns {(Node | string)[]}
   */
  function rich(text, runs) {
    if (!Array.isArray(runs)) return withLinks(text);
    return runs.flatMap((run) => {
      const { bold, italic, code } = run;
      const url = webAddress(run.url, /^(https?|mailto|tel):$/);
      let nodes = code || url ? [run.text] : withLinks(run.text);
      if (code) nodes = [h("code", {}, ...nodes)];
      if (italic) nodes = [h("em", {}, ...nodes)];
      if (bold) nodes = [h("strong", {}, ...nodes)];
      return url ? [h("a", { href: url, ...OUTSIDE }, ...nodes)] : nodes;
    });
  }

  /** @param {Message} message */
  function isBlank({ text, image, file, location, options, cards, invite }) {
    return !text && !image && !file && !location && !options?.length && !cards?.length && !invite;
  }

  /** @param {number} size @param {string} locale */
  function bytes(size, locale) {
    const [unit, digits] = size < 1e6 ? ["kilobyte", 0] : ["megabyte", 1];
    const number = Math.max(1, size / (size < 1e6 ? 1e3 : 1e6));
    return number.toLocaleString(locale, { style: "unit", unit: `${unit}`, maximumFractionDigits: Number(digits) });
  }

  /** Do something of the page's: an error is shown where the page's own are. @param {() => void} what */
  function attempt(what) {
    try {
      what();
    } catch (error) {
      (window.reportError ?? console.error)(error);
    }
  }

  /**
   * While no other tab does the same, where browsers offer it (TLS).
   * @template T @param {string} name @param {() => Promise<T>} what
   */
  function alone(name, what) {
    return navigator.locks ? navigator.locks.request(name, what) : what();
  }

  /** Whether two neighbours make one group. @param {Entry} one @param {Entry} other */
  function together(one, other) {
    return one.author === other.author && sameDay(one.at, other.at) && +other.at - +one.at < 5 * 60_000;
  }

  /** @param {Date} one @param {Date} other */
  function sameDay(one, other) {
    return isoDay(one) === isoDay(other);
  }

  /** The local day, as `<time>` wants it. @param {Date} at */
  function isoDay(at) {
    return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((n) => `${n}`.padStart(2, "0")).join("-");
  }

  /** @param {Date} at @param {string} locale */
  function dayName(at, locale) {
    if (isNaN(+at)) return "";
    const midnight = (/** @type {Date} */ date) => new Date(date).setHours(0, 0, 0, 0);
    const days = Math.round((midnight(at) - midnight(new Date())) / 86_400_000);
    if (days === 0 || days === -1) {
      const name = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
      return name[0].toLocaleUpperCase(locale) + name.slice(1);
    }
    const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return at.toLocaleDateString(locale, { weekday: "long", day: "numeric", month: "long", year });
  }

  /** @param {Date} at @param {string} locale */
  function clock(at, locale) {
    return isNaN(+at) ? "" : at.toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit" });
  }

  /** @param {string} channel */
  function channelName(channel) {
    const names = { telegram: "Telegram", whatsapp: "WhatsApp", teams: "Microsoft Teams" };
    return names[/** @type {keyof typeof names} */ (channel)] ?? channel;
  }

  /** Black or white, whichever is legible on the colour. @param {string} color */
  function inkOn(color) {
    const paper = /** @type {HTMLCanvasElement} */ (h("canvas", { width: "1", height: "1" })).getContext("2d");
    if (!paper) return "#fff";
    paper.fillStyle = color;
    paper.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...paper.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    // Up to here white has a contrast of 4.5 (WCAG 2.2), from here on black has.
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
  }

  /** @param {string} json @returns {any} */
  function parsed(json) {
    try {
      return JSON.parse(json);
    } catch {
      return null;
    }
  }

  /** @param {string} text */
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** `crypto.randomUUID` is missing on pages without TLS. */
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  /** A constructed sheet is allowed where the page's policy forbids inline styles. @param {ShadowRoot} root */
  function dress(root) {
    if (!("adoptedStyleSheets" in root)) return /** @type {ShadowRoot} */ (root).append(h("style", {}, STYLES));
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  }

  // --- The words -----------------------------------------------------------------------------------------------------

  const EN = {
    title: "Chat with us",
    open: "Open chat",
    openUnread: (/** @type {number} */ n) => `Open chat, ${n} unread ${n === 1 ? "message" : "messages"}`,
    close: "Close chat",
    menu: "More options",
    conversation: "Conversation",
    customer: "You",
    bot: "Virtual assistant",
    agent: "Support agent",
    field: "Your message",
    placeholder: "Write a message…",
    send: "Send",
    news: "New messages ↓",
    replies: "Suggested answers",
    cards: "Cards",
    picture: "Picture",
    attach: "Attach files",
    attached: "Files to send",
    removeNamed: (/** @type {string} */ name) => `Remove ${name}`,
    map: "Open the map",
    chosen: "(chosen)",
    /** @type {Record<string, string>} */
    kinds: {
      picture: "Picture",
      voice: "Voice message",
      audio: "Audio",
      video: "Video",
      sticker: "Sticker",
      file: "File",
    },
    /** @type {Record<string, string>} */
    outcomes: { refused: "Not accepted", lost: "No longer available" },
    newSession: "The earlier conversation has ended. A new one begins here.",
    states: { sending: "Sending", sent: "Sent", seen: "Seen", failed: "Not sent" },
    again: "Try again",
    edit: "Edit",
    remove: "Remove",
    /** @type {Record<string, string>} */
    errors: {
      malformed: "This message could not be sent.",
      too_long: "This message is too long.",
      too_fast: "Not sent: too many messages at once. Please wait a moment.",
      unavailable: "Not sent: the chat is not available at the moment.",
      no_file: "Not sent: please attach the file again.",
      file_too_large: "This file is larger than 20 MB.",
      file_too_many: "Ten files can be sent at once.",
      file_empty: "This file is empty.",
      file_type: "Files of this kind cannot be sent.",
    },
    trouble: {
      connecting: "Connecting…",
      reconnecting: "Reconnecting…",
      link: "The link you came with could not be used.",
    },
    continueOn: (/** @type {string} */ name) => `Continue on ${name}`,
    openChannel: (/** @type {string} */ name) => `Open ${name}`,
    qr: (/** @type {string} */ name) => `QR code that opens ${name}`,
    scan: "Scan the code with your phone, or open the app here. Your conversation comes along.",
    link: {
      preparing: "Getting a link…",
      get: "Get a link",
      fresh: "Get a new link",
      none: "There is no link at the moment.",
      over: "This link is no longer valid.",
    },
    continueElsewhere: "Continue on another channel",
    typeCode: "Type this code there. Your conversation comes along.",
    code: {
      preparing: "Getting a code…",
      get: "Get a code",
      fresh: "Get a new code",
      none: "There is no code at the moment.",
      over: "This code is no longer valid.",
    },
    validFor: (/** @type {string} */ time) => `Valid for ${time}`,
  };

  /** @typedef {typeof EN} WordTable */

  /** @type {WordTable} */
  const ZH = {
    title: "在线客服",
    open: "打开聊天",
    openUnread: (n) => `打开聊天，${n} 条未读消息`,
    close: "关闭聊天",
    menu: "更多选项",
    conversation: "对话",
    customer: "我",
    bot: "智能助手",
    agent: "人工客服",
    field: "消息",
    placeholder: "请输入消息…",
    send: "发送",
    news: "有新消息 ↓",
    replies: "快捷回复",
    cards: "卡片",
    picture: "图片",
    attach: "添加文件",
    attached: "待发送的文件",
    removeNamed: (name) => `移除 ${name}`,
    map: "打开地图",
    chosen: "（已选择）",
    kinds: { picture: "图片", voice: "语音消息", audio: "音频", video: "视频", sticker: "贴纸", file: "文件" },
    outcomes: { refused: "未被接受", lost: "已无法查看" },
    newSession: "之前的对话已结束，新的对话从这里开始。",
    states: { sending: "发送中", sent: "已发送", seen: "已读", failed: "未发送" },
    again: "重试",
    edit: "修改",
    remove: "移除",
    errors: {
      malformed: "这条消息无法发送。",
      too_long: "消息太长了。",
      too_fast: "未发送：消息发得太快，请稍等片刻。",
      unavailable: "未发送：客服暂时不可用。",
      no_file: "未发送：请重新添加文件。",
      file_too_large: "文件超过 20 MB。",
      file_too_many: "一次最多发送十个文件。",
      file_empty: "文件是空的。",
      file_type: "无法发送这种类型的文件。",
    },
    trouble: {
      connecting: "正在连接…",
      reconnecting: "正在重新连接…",
      link: "您打开的链接无法使用。",
    },
    continueOn: (name) => `在 ${name} 上继续`,
    openChannel: (name) => `打开 ${name}`,
    qr: (name) => `用于打开 ${name} 的二维码`,
    scan: "用手机扫描二维码，或在本机打开应用。对话内容会一并带过去。",
    link: {
      preparing: "正在获取链接…",
      get: "获取链接",
      fresh: "获取新链接",
      none: "暂时无法获取链接。",
      over: "链接已失效。",
    },
    continueElsewhere: "在其他渠道上继续",
    typeCode: "请在那边输入这个代码。对话内容会一并带过去。",
    code: {
      preparing: "正在获取代码…",
      get: "获取代码",
      fresh: "获取新代码",
      none: "暂时无法获取代码。",
      over: "代码已失效。",
    },
    validFor: (time) => `${time} 内有效`,
  };

  /** @type {Record<string, WordTable>} */
  const WORDS = { en: EN, zh: ZH };

  // --- The styles ----------------------------------------------------------------------------------------------------

  /** Paths on a grid of 24. */
  const ICONS = {
    chat: "M12 4c-4.97 0-9 3.36-9 7.5 0 2.2 1.14 4.18 2.95 5.55-.13 1-.5 2.02-1.2 2.95 1.6-.1 3.1-.62 4.3-1.44.93.28 1.92.44 2.95.44 4.97 0 9-3.36 9-7.5S16.97 4 12 4Z",
    bot: "M12 3v3M7.5 6h9A3.5 3.5 0 0 1 20 9.5v5A3.5 3.5 0 0 1 16.5 18h-9A3.5 3.5 0 0 1 4 14.5v-5A3.5 3.5 0 0 1 7.5 6ZM9 11v2M15 11v2M9 21h6",
    person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c.8-3.600 3.800-5.5 7.5-5.5s6.700 1.900 7.5 5.5",
    close: "M6 6l12 12M18 6L6 18",
    more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
    send: "M12 19V5M5.5 11.5 12 5l6.5 6.5",
    clip: "M19.5 11.5l-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l7.9-7.9a3.1 3.1 0 0 1 4.4 4.4l-7.9 7.9a1.5 1.5 0 0 1-2.2-2.2l7-7",
    file: "M7 3.5h6.5L18.5 8.5v10a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2ZM13.5 3.5v5h5",
    place: "M12 21s-6.5-5.7-6.5-11a6.5 6.5 0 0 1 13 0c0 5.3-6.5 11-6.5 11ZM12 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6Z",
    sending: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 8v4.5l3 1.5",
    sent: "M5 12.5l4.5 4.5L19 7.5",
    seen: "M2 12.5l4.5 4.5L16 7.5M12 16.5l.5.5L22 7.5",
    failed: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 8v5M12 16h.01",
  };

  /** Where the panel takes the whole screen. */
  const SMALL = "(max-width: 480px), (max-height: 440px)";

  const STYLES = `
:host {
  display: contents !important;
}

*, *::before, *::after {
  box-sizing: border-box;
}

[hidden] {
  display: none !important;
}

.launcher, .panel {
  --surface: #ffffff;
  --bubble: #eff3f2;
  --ink: #15201d;
  --muted: #56635f;
  --line: #dde4e2;
  --edge: #8b9793;
  --danger: #b3261e;
  --notice: #fdf3d8;
  --on-notice: #4f3b00;
  --shadow: 0 1px 2px rgb(10 30 25 / .08), 0 12px 40px rgb(10 30 25 / .20);
  --right: var(--throughline-right, 20px);
  --bottom: var(--throughline-bottom, 20px);
  position: fixed;
  z-index: 2147483000;
  right: max(var(--right), env(safe-area-inset-right));
  bottom: max(var(--bottom), env(safe-area-inset-bottom));
  margin: 0;
  color: var(--ink);
  color-scheme: light dark;
  font: 400 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "PingFang SC",
    "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif;
  letter-spacing: normal;
  text-align: start;
  text-transform: none;
  -webkit-text-size-adjust: 100%;
  -webkit-font-smoothing: antialiased;
}

@media (prefers-color-scheme: dark) {
  .launcher, .panel {
    --surface: #171c1b;
    --bubble: #262e2c;
    --ink: #e9efed;
    --muted: #a3b0ac;
    --line: #313a37;
    --edge: #6f7d78;
    --danger: #ffb4ab;
    --notice: #3a3118;
    --on-notice: #f3dfa6;
    --shadow: 0 0 0 1px rgb(255 255 255 / .07), 0 12px 40px rgb(0 0 0 / .55);
  }
}

button, textarea {
  margin: 0;
  color: inherit;
  font: inherit;
  letter-spacing: inherit;
}

button {
  padding: 0;
  border: 0;
  background: none;
  cursor: pointer;
  touch-action: manipulation;
  -webkit-tap-highlight-color: transparent;
}

button:disabled {
  cursor: default;
}

p, h2 {
  margin: 0;
}

:focus {
  outline: none;
}

:focus-visible {
  outline: 2px solid var(--ink);
  outline-offset: 2px;
}

.icon {
  display: block;
  width: 20px;
  height: 20px;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.8;
  stroke-linecap: round;
  stroke-linejoin: round;
}

.hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

/* The launcher */

.launcher {
  display: grid;
  place-items: center;
  width: 58px;
  height: 58px;
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  box-shadow: 0 1px 2px rgb(10 30 25 / .2), 0 6px 20px rgb(10 30 25 / .28);
  transition: transform .16s ease;
}

.launcher:hover {
  transform: scale(1.05);
}

.launcher:focus-visible {
  outline: 3px solid #ffffff;
  outline-offset: 0;
  box-shadow: 0 0 0 5px #15201d;
}

.launcher .icon {
  width: 30px;
  height: 30px;
}

.icon-chat {
  fill: currentColor;
  stroke: none;
}

.badge {
  position: absolute;
  top: -4px;
  right: -4px;
  min-width: 22px;
  padding: 0 6px;
  border: 2px solid var(--surface);
  border-radius: 12px;
  background: #c22b23;
  color: #ffffff;
  font-size: 12px;
  font-weight: 600;
  line-height: 18px;
  text-align: center;
}

/* The panel */

.panel {
  display: flex;
  flex-direction: column;
  width: 380px;
  max-width: calc(100vw - 2 * var(--right));
  height: min(620px, var(--visible-height, 100dvh) - var(--bottom) - 20px);
  overflow: clip;
  border-radius: 18px;
  background: var(--surface);
  box-shadow: var(--shadow);
  overflow-wrap: anywhere;
  transform-origin: right bottom;
  animation: open .2s cubic-bezier(.2, .8, .3, 1);
}

@keyframes open {
  from {
    opacity: 0;
    transform: translateY(10px) scale(.985);
  }
}

header {
  position: relative;
  z-index: 2;
  display: flex;
  align-items: center;
  gap: 4px;
  padding: 12px 10px 12px 16px;
  border-bottom: 1px solid var(--line);
}

.mark {
  display: grid;
  place-items: center;
  width: 40px;
  height: 40px;
  margin-inline-end: 8px;
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
}

.mark .icon {
  width: 22px;
  height: 22px;
}

.title {
  flex: 1;
  min-width: 0;
}

h2 {
  overflow: hidden;
  font-size: 16px;
  font-weight: 600;
  line-height: 1.35;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.who {
  color: var(--muted);
  font-size: 13px;
  line-height: 1.35;
}

.plain {
  display: grid;
  place-items: center;
  width: 40px;
  height: 40px;
  border-radius: 50%;
  color: var(--muted);
}

.plain:hover, .plain[aria-expanded="true"] {
  background: var(--bubble);
  color: var(--ink);
}

.icon-more {
  stroke-width: 3;
}

.menu-place {
  position: relative;
}

.menu {
  position: absolute;
  top: 46px;
  right: 0;
  min-width: 220px;
  padding: 6px;
  border-radius: 14px;
  background: var(--surface);
  box-shadow: 0 0 0 1px var(--line), var(--shadow);
}

.item {
  display: block;
  width: 100%;
  min-height: 42px;
  padding: 8px 12px;
  border-radius: 9px;
  text-align: start;
  white-space: nowrap;
}

.item:hover, .item:focus-visible {
  background: var(--bubble);
}

.item:focus-visible {
  outline-offset: -2px;
}

.banner {
  background: var(--notice);
  color: var(--on-notice);
  font-size: 13px;
  text-align: center;
}

.banner:not(:empty) {
  padding: 7px 16px;
}

/* The transcript */

.transcript {
  position: relative;
  display: flex;
  flex: 1;
  min-height: 0;
}

.log {
  /* What only screen readers read is placed absolutely, and must lengthen this and not the panel. */
  position: relative;
  flex: 1;
  min-width: 0;
  padding: 8px 16px 16px;
  overflow: hidden auto;
  overflow-anchor: none;
  overscroll-behavior: contain;
  scrollbar-width: thin;
  scrollbar-color: var(--line) transparent;
}

.log:focus-visible {
  outline-offset: -3px;
  border-radius: 6px;
}

.row {
  margin-top: 3px;
  animation: arrive .18s ease-out;
}

.row.first {
  margin-top: 16px;
}

@keyframes arrive {
  from {
    opacity: 0;
    transform: translateY(4px);
  }
}

.log[aria-busy="true"] .row {
  animation: none;
}

.day {
  padding: 4px 0 14px;
  color: var(--muted);
  font-size: 12px;
  text-align: center;
}

.name {
  margin: 0 0 4px 36px;
  color: var(--muted);
  font-size: 12px;
}

.row:not(.first) .name {
  display: none;
}

.line {
  display: flex;
  align-items: flex-start;
  gap: 8px;
}

.avatar {
  display: grid;
  flex: none;
  place-items: center;
  width: 28px;
  height: 28px;
  border-radius: 50%;
  background: var(--bubble);
  color: var(--muted);
}

.agent .avatar {
  background: var(--accent);
  color: var(--on-accent);
}

.avatar .icon {
  width: 17px;
  height: 17px;
}

.row:not(.first) .avatar {
  visibility: hidden;
}

.body {
  display: flex;
  flex: 1;
  flex-direction: column;
  align-items: flex-start;
  gap: 6px;
  min-width: 0;
}

.customer .body {
  align-items: flex-end;
}

.bubble {
  max-width: 88%;
  padding: 9px 14px;
  border: 1px solid transparent;
  border-radius: 18px;
  background: var(--bubble);
  white-space: pre-wrap;
}

.customer .bubble {
  max-width: 82%;
  background: var(--accent);
  color: var(--on-accent);
}

.bot.first .bubble, .agent.first .bubble {
  border-start-start-radius: 6px;
}

.customer.last .bubble {
  border-bottom-right-radius: 6px;
}

.bubble a, .card-text a {
  color: inherit;
  text-decoration: underline;
  text-underline-offset: 2px;
}

.bubble code, .card-text code {
  padding: 1px 5px;
  border-radius: 5px;
  background: color-mix(in srgb, currentColor 10%, transparent);
  font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}

.file {
  display: flex;
  flex-direction: column;
  gap: 4px;
  max-width: 88%;
}

.customer .file {
  align-items: flex-end;
}

.file .image {
  max-width: 100%;
}

.file audio, .file video {
  max-width: 100%;
  border-radius: 14px;
}

.file audio {
  width: 260px;
}

.chip, .place {
  display: flex;
  align-items: center;
  gap: 8px;
  max-width: 100%;
  min-height: 44px;
  padding: 8px 14px;
  border: 1px solid var(--line);
  border-radius: 14px;
  color: var(--ink);
  text-decoration: none;
}

a.chip .file-name, .place a {
  text-decoration: underline;
  text-underline-offset: 2px;
}

.chip .icon, .place .icon, .tray .icon {
  flex: none;
  color: var(--muted);
}

.file-size, .file-problem {
  flex: none;
  color: var(--muted);
  font-size: 12px;
}

.file-problem {
  color: var(--danger);
}

.file progress {
  width: 160px;
  height: 6px;
  accent-color: var(--accent);
}

.place {
  align-items: flex-start;
  max-width: 88%;
}

.place-words {
  display: flex;
  flex-direction: column;
  min-width: 0;
}

.place a {
  color: inherit;
}

.image {
  display: block;
  max-width: 88%;
  max-height: 240px;
  border-radius: 14px;
  background: var(--bubble);
}

.meta {
  display: flex;
  align-items: center;
  gap: 4px;
  margin: 4px 2px 0 38px;
  color: var(--muted);
  font-size: 11.5px;
  line-height: 16px;
  font-variant-numeric: tabular-nums;
}

.customer .meta {
  justify-content: flex-end;
}

.row:not(.last):not([data-state="sending"], [data-state="failed"]) .meta {
  display: none;
}

.state .icon {
  width: 15px;
  height: 15px;
}

[data-state="seen"] .state {
  color: var(--ink);
}

[data-state="failed"] .bubble {
  border-color: var(--danger);
  background: none;
  color: var(--ink);
}

[data-state="failed"] .state, .problem {
  color: var(--danger);
}

.problem:not(:empty) {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: flex-end;
  gap: 0 10px;
  padding-inline-start: 18%;
  font-size: 13px;
  text-align: end;
}

.remedy {
  min-height: 40px;
  padding: 0 2px;
  font-weight: 600;
  text-decoration: underline;
  text-underline-offset: 3px;
}

/* What one can answer with */

.replies {
  display: flex;
  flex-wrap: wrap;
  gap: 8px;
  padding-top: 4px;
}

.reply {
  min-height: 40px;
  padding: 8px 16px;
  border: 1px solid color-mix(in srgb, var(--accent) 60%, var(--muted));
  border-radius: 20px;
  background: var(--surface);
  font-weight: 500;
  line-height: 1.3;
  text-align: start;
}

.reply:hover {
  background: var(--accent);
  color: var(--on-accent);
}

/* A long list scrolls by itself, and shows by half a row that it goes on. */
.many {
  flex-flow: column nowrap;
  align-self: stretch;
  gap: 0;
  max-height: min(310px, 50dvh);
  padding: 0;
  overflow: hidden auto;
  overscroll-behavior: contain;
  border: 1px solid var(--line);
  border-radius: 14px;
  scrollbar-width: thin;
}

.many .reply {
  flex: none;
  min-height: 44px;
  padding: 10px 14px;
  border: 0;
  border-radius: 0;
}

.many .reply + .reply {
  border-top: 1px solid var(--line);
}

.many .reply:focus-visible {
  outline-offset: -3px;
  border-radius: 14px;
}

.more {
  display: block;
  color: var(--muted);
  font-size: 13px;
  font-weight: 400;
}

.reply:hover .more {
  color: inherit;
}

.cards {
  display: flex;
  align-self: stretch;
  gap: 10px;
  margin-right: -16px;
  padding: 2px 16px 8px 2px;
  overflow-x: auto;
  scroll-snap-type: x proximity;
  scrollbar-width: thin;
  scrollbar-color: var(--line) transparent;
}

.card {
  display: flex;
  flex: none;
  flex-direction: column;
  width: 220px;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: 14px;
  scroll-snap-align: start;
  scroll-margin: 2px;
}

.card:only-child {
  width: 100%;
  max-width: 260px;
}

.picture {
  display: block;
  width: 100%;
  aspect-ratio: 16 / 10;
  background: var(--bubble);
  object-fit: cover;
}

.card-title {
  padding: 12px 14px 0;
  font-weight: 600;
  line-height: 1.35;
}

.card-text {
  padding: 2px 14px 0;
  color: var(--muted);
  font-size: 14px;
  white-space: pre-wrap;
}

.card-title:last-child, .card-text:last-child {
  padding-bottom: 14px;
}

.card-options {
  margin-top: auto;
  padding-top: 12px;
}

.card-option {
  display: block;
  width: 100%;
  min-height: 44px;
  padding: 8px 14px;
  border-top: 1px solid var(--line);
  font-weight: 600;
}

.card-option:hover:enabled {
  background: var(--bubble);
}

.card-option:disabled {
  color: var(--muted);
  font-weight: 400;
}

.card-option.chosen {
  display: flex;
  align-items: center;
  justify-content: center;
  gap: 6px;
  color: var(--ink);
  font-weight: 600;
}

.chosen .icon {
  width: 16px;
  height: 16px;
}

.card-option:focus-visible {
  outline-offset: -3px;
  border-radius: 14px;
}

.invitation {
  display: flex;
  flex-direction: column;
  align-items: center;
  gap: 10px;
  align-self: stretch;
  padding: 16px;
  border: 1px solid var(--line);
  border-radius: 16px;
  text-align: center;
}

.invitation.note {
  margin-top: 16px;
}

.heading {
  font-weight: 600;
}

.invitation .code {
  font: 600 26px/1.4 ui-monospace, monospace;
  letter-spacing: 2px;
  user-select: all;
}

.hint, .left {
  color: var(--muted);
  font-size: 13px;
}

.left {
  font-variant-numeric: tabular-nums;
}

.qr {
  width: 148px;
  height: 148px;
  padding: 8px;
  border-radius: 12px;
  background: #ffffff;
  image-rendering: pixelated;
}

.continue {
  display: grid;
  place-items: center;
  align-self: stretch;
  min-height: 44px;
  padding: 8px 16px;
  border-radius: 22px;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
  text-decoration: none;
}

.typing {
  display: flex;
  gap: 5px;
  width: max-content;
  margin: 12px 0 0 36px;
  padding: 14px 16px;
  border-radius: 18px;
  border-start-start-radius: 6px;
  background: var(--bubble);
}

.typing i {
  width: 7px;
  height: 7px;
  border-radius: 50%;
  background: var(--muted);
  animation: breathe 1.2s ease-in-out infinite;
}

.typing i:nth-child(2) {
  animation-delay: .15s;
}

.typing i:nth-child(3) {
  animation-delay: .3s;
}

@keyframes breathe {
  0%, 60%, 100% {
    opacity: .35;
  }
  30% {
    opacity: 1;
  }
}

.news {
  position: absolute;
  bottom: 10px;
  left: 50%;
  min-height: 40px;
  padding: 0 18px;
  border-radius: 20px;
  background: var(--ink);
  color: var(--surface);
  box-shadow: 0 4px 16px rgb(10 30 25 / .25);
  font-size: 13px;
  font-weight: 600;
  transform: translateX(-50%);
}

/* The composer */

.composer {
  position: relative;
  padding: 10px 12px max(12px, env(safe-area-inset-bottom));
  border-top: 1px solid var(--line);
}

.bar {
  display: flex;
  align-items: flex-end;
  gap: 6px;
}

.clip {
  flex: none;
  width: 44px;
  height: 44px;
  margin-inline-start: -6px;
}

.tray {
  max-height: 132px;
  margin: 0 0 8px;
  padding: 0;
  overflow: hidden auto;
  list-style: none;
}

.tray li {
  display: flex;
  align-items: center;
  gap: 8px;
}

.file-name {
  min-width: 0;
  overflow: hidden;
  text-overflow: ellipsis;
}

.tray .file-name {
  flex: 1;
  white-space: nowrap;
}

.tray-problem:not(:empty) {
  margin-bottom: 8px;
  color: var(--danger);
  font-size: 13px;
}

.dropping .composer {
  outline: 2px dashed var(--accent);
  outline-offset: -4px;
}

textarea {
  display: block;
  flex: 1;
  min-width: 0;
  max-height: 128px;
  padding: 9px 16px;
  border: 1px solid var(--edge);
  border-radius: 22px;
  background: var(--surface);
  /* Below 16 px iOS zooms in. */
  font-size: 16px;
  line-height: 24px;
  resize: none;
  scrollbar-width: thin;
}

textarea::placeholder {
  color: var(--muted);
  opacity: 1;
}

textarea:focus-visible {
  border-color: var(--muted);
  outline-color: var(--muted);
  outline-width: 1px;
  outline-offset: 0;
}

.send {
  display: grid;
  flex: none;
  place-items: center;
  width: 44px;
  height: 44px;
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  transition: background-color .12s;
}

.send .icon {
  stroke-width: 2.2;
}

.send:disabled {
  background: var(--bubble);
  color: var(--muted);
}

.counter {
  position: absolute;
  right: 16px;
  bottom: 100%;
  margin-bottom: 6px;
  padding: 2px 8px;
  border-radius: 8px;
  background: var(--bubble);
  color: var(--muted);
  font-size: 12px;
  font-variant-numeric: tabular-nums;
}

.counter.over {
  color: var(--danger);
  font-weight: 600;
}

/* Small screens: nearly all of them, above the keyboard */

@media ${SMALL} {
  .panel {
    top: calc(var(--visible-top, 0px) + 8px);
    right: 0;
    bottom: auto;
    left: 0;
    width: auto;
    max-width: none;
    height: calc(var(--visible-height, 100dvh) - 8px);
    padding: 0 env(safe-area-inset-right) 0 env(safe-area-inset-left);
    border-radius: 18px 18px 0 0;
  }
}

@media (prefers-reduced-motion: reduce) {
  *, .launcher, .panel {
    animation: none !important;
    transition: none !important;
  }
}

@media print {
  .launcher, .panel {
    display: none;
  }
}

@media (forced-colors: active) {
  .panel, .launcher, .bubble, .send, .continue, .badge, .news {
    border: 1px solid CanvasText;
  }
}
`;

  // --- On the page ---------------------------------------------------------------------------------------------------

  /** A page may have put the element where it wants it. */
  function appear() {
    if (!document.querySelector("throughline-chat")) document.body.append(document.createElement("throughline-chat"));
  }

  if (!customElements.get("throughline-chat")) {
    page.offer();
    customElements.define("throughline-chat", ThroughlineChat);
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", appear);
    else appear();
  }
})();
