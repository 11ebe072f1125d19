/**
 * The shapes that the server sends and takes. Times are ISO 8601 in UTC.
 *
 * @typedef {{id: string, name: string, login: string, role: "agent" | "supervisor" | "admin",
 *   availability: "available" | "away", languages: string[], topics: string[], capacity: number, online: boolean,
 *   open: number, disabled?: boolean}} Agent
 * @typedef {{id: number, name: string, topics: string[], hours: Hours, answer_within: number,
 *   assignment: "automatic" | "pulled", open: boolean, members: string[]}} Team
 * @typedef {Record<string, any>} Hours
 * @typedef {{agent: Agent, csrf: string, totp: boolean, teams: Team[], colleagues: Agent[],
 *   settings: {channels: string[], rating: boolean}, demo: boolean}} Me
 *
 * @typedef {{title: string, payload?: string, description?: string}} Option
 * @typedef {{title: string, text?: string | null, image?: string | null, options?: Option[]}} Card
 * @typedef {{url: string, name?: string}} FileRef
 * @typedef {{latitude: number, longitude: number, name?: string, address?: string}} Place
 * @typedef {{text?: string, options?: Option[], image?: string, file?: FileRef, location?: Place, cards?: Card[],
 *   invite?: string}} Content What one message to a customer says.
 * @typedef {{id: string, kind: string, name?: string, type?: string, size?: number, url?: string,
 *   outcome?: string}} Media
 * @typedef {Content & {type?: string, label?: string, media?: Media, kind?: string, latitude?: number,
 *   longitude?: number, revised?: unknown, taken_back?: unknown}} Said What a customer did, or a `Content`.
 *
 * @typedef {{id: number, agent: string, text: string, mentions: string[], whisper_to: string | null, at: string,
 *   after_message: number}} Note
 * @typedef {{do: string, by: string, agent?: string, team?: number, until?: string, reason?: string, name?: string,
 *   note?: string, why?: string, type?: string, channel?: string, from?: string}} System
 * @typedef {{id: number, kind: "message" | "system" | "note", at: string, direction: "in" | "out" | string,
 *   author: "customer" | "bot" | "agent" | "product", agent: string | null, channel: string, identity: string | number | null,
 *   content: Said, state: string, error: string | null, delivered_at: string | null, read_at: string | null,
 *   attempts: number, system: System | null, note: Note | null, client_id?: string}} Line
 *
 * @typedef {{id: number, at: string, author: string, text: string}} Last
 * @typedef {{id: string, customer: {id: string, name: string | null}, channels: string[],
 *   state: "bot" | "queued" | "agent" | "snoozed" | "closed", agent: string | null, team: number | null,
 *   topic: string | null, language: string | null, priority: number, why: string | null, queued_at: string | null,
 *   asked_at: string | null, answered_at: string | null, snoozed_until: string | null, late: boolean, last: Last | null,
 *   unread: number, labels: string[], left_message: boolean}} Item
 * @typedef {{id: string | number, channel: string, external_id: string, address_hint: string | null, assurance: string,
 *   linked_how: string | null, linked_at: string | null, blocked: boolean, reachable: boolean,
 *   window_ends: string | null, last_heard_at: string | null}} Identity
 * @typedef {{id: number, at: string, undone_at: string | null, channels: string[]}} Merge
 * @typedef {{name: string, type: string, value: any, of_form: boolean}} Slot
 * @typedef {{number: string, state: string, placed_at: string, items: (string | {name: string, quantity?: number})[],
 *   total: string | number}} Order
 * @typedef {{id: number, asked_at: string, ended_at: string | null, state: string, agent: string | null,
 *   reason: string | null, rating: number | null}} Earlier
 * @typedef {Omit<Item, "customer"> & {customer: {id: string, name: string | null, account: string | null,
 *   language: string | null, since: string, preferred_channel: string | null}, identities: Identity[], merges: Merge[],
 *   form: {name: string, requested: string | null} | null, slots: Slot[], orders: Order[], earlier: Earlier[],
 *   notes: Note[], viewers: string[], to: Reach | null}} Conversation
 * @typedef {{identity: string | number, channel: string}} Reach Where a message goes.
 *
 * @typedef {{kind: "saved" | "answer", title: string, content: Content, shortcut?: string, intent: string,
 *   confidence: number}} Suggestion
 * @typedef {{id: number, shortcut: string, language: string, title: string, content: Content, intents: string[],
 *   own: boolean}} SavedReply
 * @typedef {{channel: string, shows: string[], content: Content, problem: string | null, possible?: Reach[]}} Preview
 * @typedef {{intent: string, confidence: number, ranking: {name: string, confidence: number}[],
 *   entities: Record<string, any>[]}} Understanding
 * @typedef {{key: string, conversation: string, content: Content, to: Reach | null, isChosen: boolean, at: string, after: number,
 *   state: "sending" | "sent" | "failed", error: string | null}} Pending A message that the server has not shown yet.
 */

export {};
