/** What this browser is to do, whoever logs in: looks, language, sounds, keys. */

import { effect, signal } from "../html.js";

const KEY = "throughline.desk";

/**
 * @typedef {{theme: "system" | "light" | "dark", language: "" | "en" | "zh", sound: boolean, notifications: boolean,
 *   keys: boolean, enterSends: boolean, panel: boolean}} Device
 */

/** @type {Device} */
const FRESH = {
  theme: "system",
  language: "",
  sound: true,
  notifications: false,
  keys: true,
  enterSends: true,
  // Where it would lie over the conversation, it is opened when it is wanted.
  panel: !matchMedia("(max-width: 1240px)").matches,
};

/** @returns {Device} */
function read() {
  try {
    return { ...FRESH, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return FRESH;
  }
}

export const device = signal(read());

/** @param {Partial<Device>} change */
export function change(change) {
  device.value = { ...device.value, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(device.value));
  } catch {
    // A browser that keeps nothing: it holds until the page is closed.
  }
}

effect(() => {
  const { theme } = device.value;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
});
