// Building elements. Text always goes through text nodes: nothing that came from a bot or a person is ever read as HTML.

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | number | EventListener>} [properties] attributes; `on…` are listeners
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

const DRAWINGS = {
  sent: "M3 9.5 6.5 13 14 5",
  taken: "M1 9.8 4.4 13 11.4 5.4M8.2 12.4 8.9 13 16 5.4",
  open: "M6 3h9v9M15 3 4 14",
  reply: "M7 4 2.5 8.5 7 13M3 8.5h7a5 5 0 0 1 5 5v1",
  list: "M6 4.5h10M6 9h10M6 13.5h10M2 4.5h.5M2 9h.5M2 13.5h.5",
  attach: "M14.5 8 8.6 13.9a3.1 3.1 0 0 1-4.4-4.4L10.4 3.3a2.1 2.1 0 0 1 3 3L7.3 12.4a1 1 0 0 1-1.5-1.5L11 5.8",
  picture: "M2.5 3.5h13v11h-13zM2.5 12.5l4-4 3 3 2-2 4 4",
  file: "M4.5 2h6l3.5 3.5V16h-9.5zM10.5 2v3.5H14",
  pin: "M9 16.2s5-4.7 5-8.6a5 5 0 0 0-10 0c0 3.9 5 8.6 5 8.6M9 6.6v1.8",
  voice: "M9 2.2a2 2 0 0 0-2 2v4a2 2 0 0 0 4 0v-4a2 2 0 0 0-2-2M4.5 8.2a4.5 4.5 0 0 0 9 0M9 12.7v3",
  failed: "M9 2a7 7 0 1 0 .1 0M9 5.5v4.5M9 12.3v.2",
};

/** A small line drawing that carries no meaning of its own for a screen reader. @param {keyof DRAWINGS} name */
export function drawing(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 18 18");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `drawing ${name}`);
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}

/** @param {string} selector @returns {any} the element, which the page is known to have */
export const find = (selector) => document.querySelector(selector);

/** Only web addresses become links. @param {string} url @param {...(Node | string)} children */
export function link(url, ...children) {
  const safe = URL.canParse(url) && ["http:", "https:"].includes(new URL(url).protocol);
  return safe ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...children) : h("span", {}, ...children);
}
