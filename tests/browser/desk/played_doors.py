"""The played desk's log-in, and who and what is kept there: oneself, agents, teams, saved replies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from tests.browser.desk.people import NOW, iso

if TYPE_CHECKING:
    from tests.browser.desk.played import PlayedDesk

PASSWORD = "correct horse battery"
CODE = "123456"
CSRF = "csrf-of-the-session"


class Doors:
    def __init__(self, desk: PlayedDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        api = "/desk/api"
        return [
            web.post(f"{api}/login", self.login),
            web.post(f"{api}/logout", self.logout),
            web.get(f"{api}/me", self.me),
            web.post(f"{api}/me", self.change_me),
            web.get(f"{api}/me/sessions", self.sessions),
            web.delete(f"{api}/me/sessions/{{id}}", ok),
            web.post(f"{api}/me/totp", self.begin_totp),
            web.delete(f"{api}/me/totp", ok),
            web.get(f"{api}/agents", self.agents),
            web.post(f"{api}/agents", self.save_agent),
            web.post(f"{api}/agents/{{id}}", self.save_agent),
            web.get(f"{api}/teams", self.teams),
            web.post(f"{api}/teams", self.save_team),
            web.post(f"{api}/teams/{{id}}", self.save_team),
            web.get(f"{api}/saved-replies", self.saved_replies),
            web.post(f"{api}/saved-replies", self.save_reply),
            web.post(f"{api}/saved-replies/{{id}}", self.save_reply),
            web.delete(f"{api}/saved-replies/{{id}}", self.forget_reply),
        ]

    async def login(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self._desk.locked_for:
            return web.json_response({"error": "locked", "retry_after": self._desk.locked_for}, status=429)
        if body["password"] != PASSWORD or (self._desk.wants_code and body.get("code") not in (None, CODE)):
            return web.json_response({"error": "wrong"}, status=401)
        if self._desk.wants_code and "code" not in body:
            return web.json_response({"error": "code_needed"}, status=401)
        self._desk.logged_in = True
        return web.json_response({"csrf": CSRF})

    async def logout(self, _request: web.Request) -> web.Response:
        self._desk.logged_in = False
        return web.json_response({})

    async def me(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "agent": self._desk.agents[self._desk.me],
                "csrf": CSRF,
                "totp": self._desk.totp,
                "teams": self._desk.teams,
                "colleagues": list(self._desk.agents.values()),
                "settings": {"channels": ["telegram", "teams", "webchat", "whatsapp"], "rating": True},
                "demo": False,
            }
        )

    async def change_me(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "password" in body and body["password"]["old"] != PASSWORD:
            return web.json_response({"error": "wrong"}, status=401)
        known = {name: value for name, value in body.items() if name in ("availability", "languages")}
        self._desk.agents[self._desk.me] |= known
        return await self.me(request)

    async def sessions(self, _request: web.Request) -> web.Response:
        rows = (("0123456789abcdef", "Chromium on Linux", True), ("fedcba9876543210", "Safari on iPhone", False))
        at = {
            "created_at": iso(NOW - timedelta(days=1)),
            "seen_at": iso(NOW),
            "expires_at": iso(NOW + timedelta(days=6)),
        }
        return web.json_response(
            {"items": [{"id": id, "client": client, "this": this, **at} for id, client, this in rows]}
        )

    async def begin_totp(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "secret" in body:
            self._desk.totp = body.get("code") == CODE
            return web.json_response(
                {} if self._desk.totp else {"error": "wrong"}, status=200 if self._desk.totp else 401
            )
        qr = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h2v2h-2zM3 3h1v1h-1z"/></svg>'
        return web.json_response({"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/x", "qr": qr})

    async def agents(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": list(self._desk.agents.values())})

    async def teams(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self._desk.teams})

    async def save_agent(self, request: web.Request) -> web.Response:
        body, id = await request.json(), request.match_info.get("id", "new")
        self._desk.agents[id] = {**self._desk.agents.get(id, {**self._desk.agents["ada"], "id": id}), **body}
        return web.json_response(self._desk.agents[id])

    async def save_team(self, request: web.Request) -> web.Response:
        body, id = await request.json(), int(request.match_info.get("id", 9))
        old = next((team for team in self._desk.teams if team["id"] == id), {**self._desk.teams[0], "id": id})
        self._desk.teams = [*(team for team in self._desk.teams if team["id"] != id), {**old, **body}]
        return web.json_response(self._desk.teams[-1])

    async def saved_replies(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": self._desk.saved})

    async def save_reply(self, request: web.Request) -> web.Response:
        body, id = await request.json(), int(request.match_info.get("id", len(self._desk.saved) + 1))
        self._desk.saved = [*(one for one in self._desk.saved if one["id"] != id), {"id": id, **body}]
        return web.json_response(self._desk.saved[-1])

    async def forget_reply(self, request: web.Request) -> web.Response:
        self._desk.saved = [one for one in self._desk.saved if one["id"] != int(request.match_info["id"])]
        return web.json_response({})


async def ok(_request: web.Request) -> web.Response:
    return web.json_response({})
