// Links that lead from the website to the phone and back, as they do between a real website and a real phone.

const { bot, whatsapp, teams } = document.body.dataset;

/**
 * What a link opens on the phone: an app, and what it does there. Null for a link to anywhere else.
 *   https://t.me/<bot>?start=<payload>                                https://core.telegram.org/bots/features#deep-linking
 *   https://wa.me/<digits>?text=<text>                                https://faq.whatsapp.com/5913398998672934
 *   https://teams.microsoft.com/l/chat/0/0?users=<bot>&message=<text>
 *   https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams
 * @param {string} href
 * @returns {{app: "telegram", payload: string} | {app: "whatsapp" | "teams", text: string} | null}
 */
export function destination(href) {
  if (!URL.canParse(href)) return null;
  const { protocol, host, pathname, searchParams } = new URL(href);
  if (protocol !== "https:") return null;
  if (host === "t.me" && pathname.slice(1).toLowerCase() === bot.toLowerCase()) {
    return { app: "telegram", payload: searchParams.get("start") ?? "" };
  }
  if (host === "wa.me" && whatsapp && pathname === `/${whatsapp}`) {
    return { app: "whatsapp", text: searchParams.get("text") ?? "" };
  }
  if (host === "teams.microsoft.com" && teams && pathname.startsWith("/l/chat/") && searchParams.get("users") === teams) {
    return { app: "teams", text: searchParams.get("message") ?? "" };
  }
  return null;
}

/** The hash of a link to this very page, such as `#continue=…`; null for any other link. @param {string} href */
export function ownHash(href) {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  const loopback = ["127.0.0.1", "localhost", "[::1]"];
  const sameHost = url.hostname === location.hostname || [url.hostname, location.hostname].every((one) => loopback.includes(one));
  return sameHost && url.port === location.port && url.pathname === "/" && url.hash ? url.hash : null;
}

/** Where the newest link that the website's chat shows, and that brings something along, leads to on the phone. */
export function shownDestination() {
  const root = document.querySelector("throughline-chat")?.shadowRoot;
  const links = [...(root?.querySelectorAll('a[href^="https://"]') ?? [])].filter((link) => !link.closest("[hidden]"));
  return links.map((link) => destination(link.href)).findLast((found) => found?.payload || found?.text) ?? null;
}

/**
 * Catch clicks on such links anywhere in the page, the chat's shadow tree included.
 * @param {{onPhone: (where: NonNullable<ReturnType<typeof destination>>) => void, onHash: (hash: string) => void}} options
 */
export function catchLinks({ onPhone, onHash }) {
  addEventListener(
    "click",
    (event) => {
      const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement && node.href);
      if (!link) return;
      const where = destination(link.href);
      const hash = link.closest?.("#phone") ? ownHash(link.href) : null;
      if (where === null && hash === null) return;
      event.preventDefault();
      if (where !== null) onPhone(where);
      else onHash(hash);
    },
    { capture: true },
  );
}
