"""The mailboxes as a page, newest mail first, and as JSON."""

from __future__ import annotations

from html import escape

from aiohttp import web

from .server import Letter, MailServer

_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Hearthside</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42em; margin: 0 auto; padding: 24px; }}
nav {{ display: flex; gap: 24px; }} a {{ color: inherit; }}
article {{ border: 1px solid #8884; border-radius: 12px; padding: 16px; margin: 16px 0; }}
h2 {{ font-size: 1.1em; margin: 0; }} p {{ margin: 0; opacity: .7; }}
pre {{ white-space: pre-wrap; font: inherit; margin: 12px 0 0; }}
:root {{ color-scheme: light dark; }}
</style></head><body><nav><a href="/?lang={language}">{shop}</a> <a href="/mail?lang={language}">{again}</a></nav>
<main><h1>{title}</h1><p>{about}</p>{letters}</main></body></html>
"""

_WORDS = {
    "en": {
        "lang": "en",
        "title": "Mail",
        "about": "What the shop has mailed, to anybody. The newest is on top.",
        "shop": "Back to the shop",
        "again": "Look for new mail",
        "none": "No mail yet.",
        "head": "To {letter.to} · from {letter.sender} · {letter.at:%H:%M:%S} UTC",
    },
    "zh": {
        "lang": "zh-Hans",
        "title": "邮件",
        "about": "商店发出的所有邮件，最新的在最上面。",
        "shop": "回到商店",
        "again": "查看新邮件",
        "none": "还没有邮件。",
        "head": "收件人 {letter.to} · 发件人 {letter.sender} · {letter.at:%H:%M:%S} UTC",
    },
}


class MailPage:
    """What the browser fetches."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/mail", self.index), web.get("/mail.json", self.letters)]

    async def index(self, request: web.Request) -> web.Response:
        language = "zh" if request.query.get("lang") == "zh" else "en"
        words = _WORDS[language]
        articles = (_article(letter, words["head"]) for letter in reversed(self._server.letters))
        letters = "".join(articles) or f"<p>{words['none']}</p>"
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        }
        page = _PAGE.format(letters=letters, language=language, **words)
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def letters(self, _: web.Request) -> web.Response:
        """Oldest first."""
        told = [
            {"to": letter.to, "subject": letter.subject, "text": letter.text, "at": letter.at.isoformat()}
            for letter in self._server.letters
        ]
        return web.json_response(told, headers={"Cache-Control": "no-store"})


def _article(letter: Letter, about: str) -> str:
    """The plain half; a mail's HTML is somebody else's page."""
    about = about.format(letter=letter)
    head = f"<h2>{escape(letter.subject)}</h2><p>{escape(about)}</p>"
    return f"<article>{head}<pre>{escape(letter.text.strip())}</pre></article>"
