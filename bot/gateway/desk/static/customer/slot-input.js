/** A slot's value to read and to change. What is typed is text; what it stands for depends on the slot's type. */

import { html } from "../html.js";
import { readable } from "../format.js";
import { Field, Select } from "../ui/field.js";
import { words } from "../words/index.js";

/** @import { Slot } from "../types.js" */

/** The value as it is typed. @param {Slot} slot */
export function asTyped({ value }) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : `${value}`;
}

/** What is typed, as a value of the slot's type; nothing typed is no value. @param {Slot} slot @param {string} typed */
export function asValue({ type, value }, typed) {
  const text = typed.trim();
  if (!text) return null;
  if (type === "bool") return text === "true";
  if (type === "float") return Number(text);
  if (type === "list")
    return text
      .split(/[,，、]/)
      .map((one) => one.trim())
      .filter(Boolean);
  if (value !== null && typeof value === "object") return parsed(text);
  return text;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {{slot: Slot, typed: string, onInput: (typed: string) => void}} props */
export function SlotInput({ slot, typed, onInput }) {
  const w = words.value;
  const label = readable(slot.name);
  if (slot.type === "bool") {
    const options = [
      { value: "", label: w.noValue },
      { value: "true", label: w.yes },
      { value: "false", label: w.no },
    ];
    return html`<${Select} label=${label} value=${typed} options=${options} onInput=${onInput} />`;
  }
  return html`<${Field} label=${label} value=${typed} type=${slot.type === "float" ? "number" : "text"} step="any"
    placeholder=${w.noValue} onInput=${onInput} />`;
}
