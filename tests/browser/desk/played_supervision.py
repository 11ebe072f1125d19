"""What the played desk tells supervisors."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from tests.browser.desk.people import NOW, iso

if TYPE_CHECKING:
    from tests.browser.desk.played import PlayedDesk


class Supervision:
    def __init__(self, desk: PlayedDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        api = "/desk/api"
        return [
            web.get(f"{api}/live", self.live),
            web.get(f"{api}/figures", self.figures),
            web.get(f"{api}/audit", self.audit),
        ]

    async def live(self, _request: web.Request) -> web.Response:
        queues = [
            {"team": team["id"], "waiting": 3, "longest_s": 640, "open": 5, "late": 2 if team["id"] == 1 else 0}
            for team in self._desk.teams
        ]
        agents = [
            {
                "agent": one["id"],
                "state": "offline" if not one["online"] else one["availability"],
                "open": one["open"],
                "capacity": one["capacity"],
            }
            for one in self._desk.agents.values()
        ]
        warnings = [
            {"kind": "late", "team": 1, "conversation": "c00007", "seconds": 640},
            {"kind": "nobody", "team": 2, "seconds": 0},
        ]
        return web.json_response({"queues": queues, "agents": agents, "warnings": warnings})

    async def figures(self, request: web.Request) -> web.Response:
        names = {
            "agent": [(one["id"], one["name"]) for one in self._desk.agents.values()],
            "team": [(f"{one['id']}", one["name"]) for one in self._desk.teams],
        }
        keys = names.get(request.query["by"], [(name, name) for name in ("telegram", "whatsapp", "webchat")])
        if request.query.get("format") == "csv":
            return web.Response(
                text="key,name\r\n" + "".join(f"{key},{name}\r\n" for key, name in keys), content_type="text/csv"
            )
        rows = [
            {
                "key": key,
                "name": name,
                "handoffs": 42 - at,
                "answered": 40 - at,
                "first_answer_median_s": 38,
                "first_answer_p90_s": 190,
                "within_level": 0.93,
                "handled_median_s": 412,
                "closed": 31,
                "returned": 9,
                "rating_mean": 4.4 if at % 2 else None,
                "rated": 12,
                "messages": 310,
            }
            for at, (key, name) in enumerate(keys)
        ]
        return web.json_response({"rows": rows})

    async def audit(self, request: web.Request) -> web.Response:
        if "before" in request.query:
            return web.json_response({"items": []})
        rows: tuple[tuple[str, str, str | None, dict[str, object]], ...] = (
            ("maya", "looked", "c00001", {}),
            ("customer", "ask", "c00003", {}),
            ("ben", "transfer", "c00003", {"team": 2}),
            ("ada", "agent_changed", None, {"fields": ["role"]}),
        )
        items = [
            {
                "id": 90 - at,
                "at": iso(NOW - timedelta(minutes=at * 7)),
                "who": who,
                "what": what,
                "conversation": id,
                "detail": detail,
            }
            for at, (who, what, id, detail) in enumerate(rows)
        ]
        return web.json_response({"items": items})
