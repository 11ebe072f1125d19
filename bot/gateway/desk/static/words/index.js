/** The words on the page, in the language that was chosen here or else the browser's. */

import { computed, effect } from "../html.js";
import { device } from "../state/device.js";
import { en } from "./en.js";
import { zh } from "./zh.js";

/** @typedef {typeof en} Words */

export const language = computed(() => {
  const first = navigator.languages.find((tag) => /^(en|zh)\b/i.test(tag)) ?? "en";
  return device.value.language || (/^zh/i.test(first) ? "zh" : "en");
});

/** @type {import("../vendor/signals.js").ReadonlySignal<Words>} */
export const words = computed(() => (language.value === "zh" ? zh : en));

/** Dates as the browser has them, if it speaks this language. */
export const locale = computed(() => {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.value));
  return own ?? (language.value === "zh" ? "zh-CN" : "en-GB");
});

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

/** The word for a code of the server's, or the code itself, made readable. @param {Record<string, string>} named @param {string} code */
export const word = (named, code) => named[code] ?? code.replaceAll("_", " ");
