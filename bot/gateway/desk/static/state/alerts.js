/** Calling an agent who looks elsewhere: a notification and a short sound, each only if it was asked for. */

import { change, device } from "./device.js";

/** @type {AudioContext | null} */
let audio = null;

/** Asks the browser; only ever called by a click. @returns {Promise<boolean>} Whether notifications are on now. */
export async function askForNotifications() {
  const allowed = "Notification" in window && (await Notification.requestPermission()) === "granted";
  change({ notifications: allowed });
  return allowed;
}

/**
 * @param {string} title @param {string} body @param {string} href Where a click on it leads.
 */
export function alert(title, body, href) {
  chime();
  if (!device.peek().notifications || !document.hidden || !("Notification" in window)) return;
  if (Notification.permission !== "granted") return;
  const note = new Notification(title, { body, tag: href, icon: "/desk/static/icon.svg" });
  note.addEventListener("click", () => {
    window.focus();
    location.hash = href;
    note.close();
  });
}

/** Two soft tones. Browsers allow none before the first click or key on the page. */
export function chime() {
  if (!device.peek().sound || !navigator.userActivation?.hasBeenActive) return;
  audio ??= new AudioContext();
  const start = audio.currentTime;
  tone(audio, 660, start);
  tone(audio, 880, start + 0.12);
}

/** @param {AudioContext} context @param {number} pitch @param {number} at */
function tone(context, pitch, at) {
  const source = context.createOscillator();
  const volume = context.createGain();
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
  source.connect(volume).connect(context.destination);
  source.start(at);
  source.stop(at + 0.32);
}
