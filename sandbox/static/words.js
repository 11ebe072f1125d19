// The page's words in its two languages. `data-word`, `data-label` and `data-placeholder` in the HTML name them.

export const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

const WORDS = {
  en: {
    shop: "Hearthside",
    tagline: "Home & kitchen, Singapore",
    tryIt: "Try it",
    hint: "Start a return of order 1042 in the chat at the bottom right, say “continue on Telegram”, and finish it on the phone.",
    heroTitle: "Slow mornings start here",
    heroText: "Kettles that sing, mugs that fit the hand, a lamp for one more chapter. Free delivery in Singapore from S$60, and thirty days to change your mind.",
    products: "Our things",
    all: "All",
    kitchen: "Kitchen",
    tea: "Tea & coffee",
    living: "Living",
    add: "Add to bag",
    addNamed: "Add to bag: {name}",
    bag: "Bag: {count}",
    categories: "Categories",
    languages: "Language",
    foot: "Hearthside is a demonstration shop: nothing here is for sale.",
    website: "Website",
    phone: "Phone",
    views: "Show",
    unread: "{count} unread",
    bot: "bot",
    typing: "typing…",
    connecting: "connecting…",
    scan: "Scan the QR code on the website",
    night: "Night mode",
    messages: "Messages",
    message: "Message",
    send: "Send",
    start: "START",
    what: "What can this bot do?",
    about: "Orders, returns and advice from Hearthside. What you began on the website goes on here.",
    you: "You",
    sent: "sent",
    taken: "delivered",
    edited: "edited",
    photo: "Photo",
    today: "Today",
    down: "Go to the newest message",
    ok: "OK",
    owner: "This phone is {name}’s.",
    newCustomer: "New customer",
    changed: "The phone is {name}’s now. The website still knows its visitor:",
    forget: "forget that one too",
    nothingToScan: "There is no QR code on the website now. Say “continue on Telegram” in its chat first.",
  },
  zh: {
    shop: "炉边",
    tagline: "家居与厨房 · 新加坡",
    tryIt: "试一试",
    hint: "在右下角的聊天里为订单 1042 发起退货，说“在 Telegram 上继续”，然后在手机上完成。",
    heroTitle: "慢慢开始的早晨",
    heroText: "会唱歌的水壶，合手的马克杯，一盏陪你再读一章的灯。新加坡满 S$60 免运费，三十天内可退换。",
    products: "店里的好物",
    all: "全部",
    kitchen: "厨房",
    tea: "茶与咖啡",
    living: "起居",
    add: "加入购物袋",
    addNamed: "加入购物袋：{name}",
    bag: "购物袋：{count}",
    categories: "分类",
    languages: "语言",
    foot: "炉边是一家演示商店，这里的商品并不出售。",
    website: "网站",
    phone: "手机",
    views: "显示",
    unread: "{count} 条未读",
    bot: "机器人",
    typing: "正在输入…",
    connecting: "正在连接…",
    scan: "扫描网站上的二维码",
    night: "夜间模式",
    messages: "消息",
    message: "输入消息",
    send: "发送",
    start: "开始",
    what: "这个机器人能做什么？",
    about: "炉边的订单、退货与选购咨询。您在网站上开始的事，可以在这里接着办。",
    you: "您",
    sent: "已发送",
    taken: "已送达",
    edited: "已编辑",
    photo: "照片",
    today: "今天",
    down: "转到最新消息",
    ok: "好",
    owner: "这是 {name} 的手机。",
    newCustomer: "换一位顾客",
    changed: "手机现在是 {name} 的。网站仍记得原来的访客：",
    forget: "也换成新访客",
    nothingToScan: "网站上现在没有二维码。请先在聊天里说“在 Telegram 上继续”。",
  },
};

/** @param {string} name @param {Record<string, string | number>} [values] */
export function word(name, values = {}) {
  const text = WORDS[language][name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** Put the words into what the HTML has named. */
export function fillWords() {
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", word(element.dataset.label));
    if (element.localName === "button") element.title = word(element.dataset.label);
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = word(element.dataset.placeholder);
  }
}
