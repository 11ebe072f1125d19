"""The mailboxes as a page, newest mail first, and as JSON."""

from __future__ import annotations

from html import escape

from aiohttp import web

from .server import Letter, MailServer

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><title>Mail · sandbox</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42em; margin: 0 auto; padding: 24px; }}
article {{ border: 1px solid #8884; border-radius: 12px; padding: 16px; margin: 16px 0; }}
h2 {{ font-size: 1.1em; margin: 0; }} p {{ margin: 0; opacity: .7; }}
pre {{ white-space: pre-wrap; font: inherit; margin: 12px 0 0; }}
:root {{ color-scheme: light dark; }}
</style></head><body><h1>Mail</h1>{letters}</body></html>
"""


class MailPage:
    """What the browser fetches."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/mail", self.index), web.get("/mail.json", self.letters)]

    async def index(self, _: web.Request) -> web.Response:
        letters = "".join(map(_article, reversed(self._server.letters))) or "<p>No mail yet.</p>"
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        }
        return web.Response(text=_PAGE.format(letters=letters), content_type="text/html", headers=headers)

    async def letters(self, _: web.Request) -> web.Response:
        """Oldest first."""
        told = [
            {"to": letter.to, "subject": letter.subject, "text": letter.text, "at": letter.at.isoformat()}
            for letter in self._server.letters
        ]
        return web.json_response(told, headers={"Cache-Control": "no-store"})


def _article(letter: Letter) -> str:
    """The plain half; a mail's HTML is somebody else's page."""
    about = f"To {letter.to} · from {letter.sender} · {letter.at:%H:%M:%S}"
    head = f"<h2>{escape(letter.subject)}</h2><p>{escape(about)}</p>"
    return f"<article>{head}<pre>{escape(letter.text.strip())}</pre></article>"
