"""Where the desk is: at `PUBLIC_URL`, and for whoever works on this machine, at loopback.

A browser says in `Origin` which page asks. What changes something is done for the desk's own page alone. The host is
checked too: a name of somebody else's that leads to this machine is not the desk, whatever the browser believes.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from bot.gateway.desk.access.refusing import Refused

SESSION, DEVICE = "throughline_desk", "throughline_device"
"""The cookies' names on loopback. Over https they begin with `__Host-`: a browser keeps such a one only for this very
host, and only if it came over https (RFC 6265bis, section 4.1.3.2)."""


class Origins:
    """The origins of the desk's page."""

    def __init__(self, *, public_url: str | None = None) -> None:
        parts = urlsplit(public_url or "")
        self._public = f"https://{parts.netloc.lower().removesuffix(':443')}" if parts.scheme == "https" else None

    def check(self, request: web.Request) -> None:
        """Raise Refused unless the desk's own page asks: `origin`, or `insecure` where it was loaded over a wire that
        others can read, so that no password is sent over it twice."""
        origin = request.headers.get("Origin", "").lower()
        host = request.host.lower()
        if origin and origin == self._public:
            return
        if not origin or origin != f"http://{host}":
            raise Refused(403, "origin")
        if not _is_loopback(host):
            raise Refused(403, "insecure")

    def cookie(self, request: web.Request, name: str) -> str:
        """What the browser sent; empty if nothing. One without the prefix counts on loopback alone."""
        safe = request.cookies.get(f"__Host-{name}", "")
        return safe or (request.cookies.get(name, "") if _is_loopback(request.host.lower()) else "")

    def set_cookie(
        self, request: web.Request, response: web.StreamResponse, name: str, value: str, lifetime: timedelta
    ) -> None:
        """For a request whose origin was checked."""
        secure = request.headers["Origin"].lower() == self._public
        response.set_cookie(
            f"__Host-{name}" if secure else name,
            value,
            max_age=int(lifetime.total_seconds()),
            path="/",
            secure=secure,
            httponly=True,
            samesite="Lax",
        )

    def drop_cookie(self, request: web.Request, response: web.StreamResponse, name: str) -> None:
        self.set_cookie(request, response, name, "", timedelta())


def _is_loopback(host: str) -> bool:
    """Whether the text of a `Host` header names this machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
