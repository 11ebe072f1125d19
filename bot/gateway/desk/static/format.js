/** Times, sizes and marks in words. */

import { now } from "./state/clock.js";
import { locale, words } from "./words/index.js";

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} iso @param {Intl.DateTimeFormatOptions} options */
function formatted(iso, options) {
  const key = locale.value + JSON.stringify(options);
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale.value, options);
  formats.set(key, format);
  return format.format(new Date(iso));
}

/** @param {string} iso */
export const time = (iso) => formatted(iso, { hour: "2-digit", minute: "2-digit" });

/** @param {string} iso */
export const moment = (iso) =>
  formatted(iso, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** @param {string} iso */
export const soon = (iso) => formatted(iso, { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** @param {string} iso */
export const date = (iso) => formatted(iso, { day: "numeric", month: "short", year: "numeric" });

/** The day, as a heading between messages. @param {string} iso */
export function day(iso) {
  const days = daysAgo(iso);
  if (days === 0) return words.value.today;
  if (days === 1) return words.value.yesterday;
  return formatted(iso, { weekday: "long", day: "numeric", month: "long", ...(days > 300 && { year: "numeric" }) });
}

/** The hour of today, the day of before. @param {string} iso */
export function brief(iso) {
  const days = daysAgo(iso);
  if (days === 0) return time(iso);
  if (days < 7 && days > 0) return formatted(iso, { weekday: "short" });
  return formatted(iso, { day: "numeric", month: "short", ...(days > 300 && { year: "2-digit" }) });
}

/** @param {string} iso */
export const dayOf = (iso) => new Date(iso).toDateString();

/** @param {string} iso */
function daysAgo(iso) {
  const midnight = new Date(iso).setHours(0, 0, 0, 0);
  return Math.round((new Date(now.peek()).setHours(0, 0, 0, 0) - midnight) / 86_400_000);
}

/** Two units at most: `45 s`, `12 min`, `3 h 05 min`, `2 d`. @param {number | null | undefined} seconds */
export function duration(seconds) {
  const { units } = words.value;
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return units.seconds(whole);
  if (whole < 3_600) return units.minutes(Math.floor(whole / 60));
  if (whole < 86_400) return units.hours(Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60));
  return units.days(Math.floor(whole / 86_400));
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** @param {number | null | undefined} part */
export const percent = (part) => (part === null || part === undefined ? "–" : `${Math.round(part * 100)}%`);

/** What a form or slot is called, for people: `return_form` is `return`. @param {string} name */
export const readable = (name) => name.replace(/_form$/, "").replaceAll("_", " ");
