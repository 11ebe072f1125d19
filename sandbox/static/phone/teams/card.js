// An Adaptive Card, drawn from its JSON: https://adaptivecards.io/explorer/

import { drawing, h, link } from "../../dom.js";
import { markdown } from "./markdown.js";

/**
 * @param {any} content the card
 * @param {{place: () => number, tap: (place: number) => void}} buttons `place` counts the message's buttons in reading order
 */
export function card(content, buttons) {
  const body = (content.body ?? []).map((element) => drawn(element, buttons));
  const actions = content.actions?.length ? [actionSet(content, buttons)] : [];
  return h("div", { class: "card", dir: "auto" }, ...body, ...actions);
}

const ELEMENTS = {
  TextBlock: textBlock,
  Image: picture,
  ActionSet: actionSet,
  Container: ({ items }, buttons) => h("div", { class: "container" }, ...items.map((item) => drawn(item, buttons))),
};

function drawn(element, buttons) {
  return ELEMENTS[element.type](element, buttons);
}

function textBlock({ text, weight, size, isSubtle }) {
  const classes = ["words", weight === "Bolder" && "bolder", size && `size-${size.toLowerCase()}`, isSubtle && "subtle"];
  return h("div", { class: classes.filter(Boolean).join(" ") }, markdown(text));
}

function picture({ url, altText }) {
  return h("img", { src: url, alt: altText ?? "", referrerpolicy: "no-referrer" });
}

function actionSet({ actions }, buttons) {
  return h("div", { class: "actions" }, ...actions.map((action) => button(action, buttons)));
}

function button({ type, title, url, style }, { place, tap }) {
  const at = place();
  if (type === "Action.OpenUrl") return link(url, title, drawing("open"));
  const classes = style && style !== "default" ? { class: style } : {};
  return h("button", { type: "button", ...classes, onclick: () => tap(at) }, title);
}
