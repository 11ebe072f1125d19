/** Where the desk is, in the address after `#`: `#/queue`, `#/mine/<conversation>`, `#/settings/security`. */

import { computed, signal } from "./html.js";

export const LISTS = ["queue", "mine", "team", "all", "closed"];
const PAGES = [...LISTS, "live", "figures", "audit", "settings"];

/** @returns {{page: string, id: string | null}} */
function read() {
  const [page = "", id = ""] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  return PAGES.includes(page) ? { page, id: id || null } : { page: "queue", id: null };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export const route = signal(read());
export const isList = computed(() => LISTS.includes(route.value.page));

addEventListener("hashchange", () => {
  route.value = read();
});

/** @param {string} page @param {string | null} [id] */
export const href = (page, id) => `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}`;

/** @param {string} page @param {string | null} [id] */
export function go(page, id = null) {
  location.hash = href(page, id);
  route.value = read();
}
