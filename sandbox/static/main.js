// Puts the shop and the phone together.

import { find } from "./dom.js";
import { catchLinks, shownDestination } from "./links.js";
import { Phone } from "./phone/phone.js";
import { showShop } from "./shop.js";
import { fillWords, language, word } from "./words.js";

fillWords();
showShop();
for (const link of document.querySelectorAll("#languages a")) {
  if (link.hreflang.startsWith(language)) link.setAttribute("aria-current", "true");
}

// What the shop mails is read in a window of its own, so that the chat stays open. Without a mail server there is none.
find("#mail").href = `${document.body.dataset.mail}?lang=${language}`;
find("#mail").hidden = document.body.dataset.mail === "";

showDesk(document.body.dataset);

const phone = new Phone({ onUnread: showUnread, onScan: scan });

catchLinks({ onPhone: openOnPhone, onHash: openOnWebsite });
for (const button of document.querySelectorAll("#views button")) {
  button.addEventListener("click", () => show(button.dataset.view));
}
show("shop");

/** On a narrow screen only one of the two is seen. @param {string} view */
function show(view) {
  document.body.dataset.view = view;
  for (const button of document.querySelectorAll("#views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  phone.look();
}

/** @param {NonNullable<ReturnType<typeof shownDestination>>} where */
function openOnPhone(where) {
  show("phone");
  phone.open(where);
}

/** @param {string} hash */
function openOnWebsite(hash) {
  show("shop");
  // The same link again must be a change, too.
  history.replaceState(null, "", location.pathname + location.search);
  location.hash = hash;
}

function scan() {
  const where = shownDestination();
  if (where === null) phone.toast(word("nothingToScan"));
  else openOnPhone(where);
}

/** The way to where agents work, with the login of one of them. @param {DOMStringMap} data */
function showDesk({ desk, deskLogin, deskPassword }) {
  find("#agents").hidden = desk === "";
  find("#agents a").href = desk;
  find("#agents .login").textContent = deskLogin ? word("deskLogin", { login: deskLogin, password: deskPassword }) : "";
}

/** @param {number} count */
function showUnread(count) {
  const badge = find("#unread");
  badge.hidden = count === 0;
  badge.textContent = String(count);
  badge.setAttribute("aria-label", word("unread", { count }));
}
