// The shop's own page: its products, a filter, and a bag that only counts.

import { find, h } from "./dom.js";
import { language, word } from "./words.js";

const PRODUCTS = [
  ["kettle-blue", "tea", 79, "Blue enamel kettle", "蓝色珐琅水壶"],
  ["kettle-red", "tea", 79, "Red enamel kettle", "红色珐琅水壶"],
  ["toaster", "kitchen", 59, "Two-slice toaster", "双片烤面包机"],
  ["mug-set", "tea", 48, "Stoneware mug set", "粗陶马克杯套装"],
  ["lamp", "living", 69, "Reading lamp", "阅读灯"],
  ["blanket", "living", 129, "Wool blanket", "羊毛毯"],
  ["pan", "kitchen", 89, "Cast-iron pan", "铸铁锅"],
  ["grinder", "tea", 99, "Coffee grinder", "咖啡磨豆机"],
  ["knife", "kitchen", 75, "Chef’s knife", "主厨刀"],
  ["cushion", "living", 39, "Linen cushion", "亚麻靠垫"],
  ["pot", "tea", 85, "Clay teapot", "紫砂壶"],
  ["clock", "living", 55, "Wall clock", "挂钟"],
].map(([sku, category, price, en, zh]) => ({ sku, category, price, name: language === "zh" ? zh : en }));

let inBag = 0;

export function showShop() {
  for (const category of ["all", "kitchen", "tea", "living"]) find("#categories").append(chip(category));
  choose("all");
  showBag();
  offerAccounts((document.body.dataset.accounts ?? "").split(" ").filter(Boolean));
}

/** What a shop does for customers with an account: its server vouches for them. @param {string[]} accounts */
function offerAccounts(accounts) {
  const select = find("#account");
  const kept = localStorage.getItem("account") ?? "";
  const names = [["", word("signedOut")], ...accounts.map((account) => [account, word("signedInAs", { account })])];
  select.append(...names.map(([value, name]) => h("option", { value }, name)));
  select.value = accounts.includes(kept) ? kept : "";
  select.hidden = accounts.length === 0;
  select.addEventListener("change", () => {
    localStorage.setItem("account", select.value);
    identify(select.value);
  });
  if (select.value) identify(select.value);
}

/** @param {string} account */
function identify(account) {
  const fetched = async () => (await fetch(`/identity/${account}`)).text();
  (window.Throughline ||= []).push(["identify", account ? fetched : null]);
}

function chip(category) {
  return h("button", { type: "button", "data-category": category, onclick: () => choose(category) }, word(category));
}

function choose(category) {
  for (const button of document.querySelectorAll("#categories button")) {
    button.setAttribute("aria-pressed", String(button.dataset.category === category));
  }
  const wanted = PRODUCTS.filter((product) => category === "all" || product.category === category);
  find("#products").replaceChildren(...wanted.map(card));
}

function card({ sku, name, price }) {
  const add = () => {
    inBag += 1;
    showBag();
  };
  return h(
    "li",
    {},
    h("img", { src: `/products/${sku}.png`, alt: "", width: 480, height: 360, loading: "lazy" }),
    h("h3", {}, name),
    h("p", { class: "price" }, `S$${price}`),
    h("button", { type: "button", class: "add", "aria-label": word("addNamed", { name }), onclick: add }, word("add")),
  );
}

function showBag() {
  find("#bag").textContent = word("bag", { count: inBag });
}
