// Links that lead from the website to the phone and back, as they do between a real website and a real phone.

/**
 * The payload of `https://t.me/<bot>?start=<payload>`, empty for a plain link to the bot, null for any other link.
 * https://core.telegram.org/bots/features#deep-linking
 * @param {string} href @param {string} bot
 */
export function startPayload(href, bot) {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  if (url.protocol !== "https:" || url.host !== "t.me") return null;
  if (url.pathname.slice(1).toLowerCase() !== bot.toLowerCase()) return null;
  return url.searchParams.get("start") ?? "";
}

/** The hash of a link to this very page, such as `#continue=…`; null for any other link. @param {string} href */
export function ownHash(href) {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  const loopback = ["127.0.0.1", "localhost", "[::1]"];
  const sameHost = url.hostname === location.hostname || [url.hostname, location.hostname].every((one) => loopback.includes(one));
  return sameHost && url.port === location.port && url.pathname === "/" && url.hash ? url.hash : null;
}

/** The newest link to the bot that the website's chat shows. @param {string} bot */
export function shownStartLink(bot) {
  const root = document.querySelector("throughline-chat")?.shadowRoot;
  const links = [...(root?.querySelectorAll('a[href^="https://t.me/"]') ?? [])].filter((link) => !link.closest("[hidden]"));
  return links.map((link) => startPayload(link.href, bot)).findLast((payload) => payload) ?? null;
}

/**
 * Catch clicks on such links anywhere in the page, the chat's shadow tree included.
 * @param {{bot: string, onStart: (payload: string) => void, onHash: (hash: string) => void}} options
 */
export function catchLinks({ bot, onStart, onHash }) {
  addEventListener(
    "click",
    (event) => {
      const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement && node.href);
      if (!link) return;
      const payload = startPayload(link.href, bot);
      const hash = link.closest?.("#phone") ? ownHash(link.href) : null;
      if (payload === null && hash === null) return;
      event.preventDefault();
      if (payload !== null) onStart(payload);
      else onHash(hash);
    },
    { capture: true },
  );
}
