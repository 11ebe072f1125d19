"""The played desk's lists and conversations, and what is done with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from tests.browser.desk import people
from tests.browser.desk.people import iso
from tests.browser.desk.played_doors import ok

if TYPE_CHECKING:
    from tests.browser.desk.played import PlayedDesk

LARGEST_PAGE = 200
_BECOMES = {"take": "agent", "hand_back": "bot", "snooze": "snoozed", "close": "closed"}


class Conversations:
    def __init__(self, desk: PlayedDesk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        api, one = "/desk/api", "/desk/api/conversations/{id}"
        return [
            web.get(f"{api}/conversations", self.conversations),
            web.get(one, self.conversation),
            web.get(f"{one}/transcript", self.transcript),
            web.get(f"{one}/suggestions", self.suggestions),
            web.get(f"{api}/messages/{{id}}/understanding", self.understanding),
            web.post(f"{one}/do", self.do),
            web.post(f"{one}/say", self.say),
            web.post(f"{one}/preview", self.preview),
            web.post(f"{one}/files", self.file),
            web.post(f"{one}/notes", self.note),
            web.post(f"{one}/labels", self.label),
            web.post(f"{one}/link_code", self.link_code),
            web.post(f"{api}/identities/{{id}}/{{what:suspend|restore}}", ok),
            web.post(f"{api}/merges/{{id}}/undo", ok),
        ]

    async def conversations(self, request: web.Request) -> web.Response:
        query = request.query
        unknown = set(query) - {"view", "team", "label", "channel", "q", "after", "limit"}
        limit = int(query.get("limit", 100))
        if unknown or limit > LARGEST_PAGE:
            self._desk.violations.append(f"conversations: {dict(query)}")
        found = [item for item in self._desk.items.values() if self._desk.belongs(item, query["view"])]
        if query.get("team"):
            found = [item for item in found if item["team"] == int(query["team"])]
        if query.get("label"):
            found = [item for item in found if query["label"] in item["labels"]]
        if query.get("channel"):
            found = [item for item in found if query["channel"] in item["channels"]]
        if query.get("q"):
            found = [
                item
                for item in found
                if query["q"].lower() in f"{item['customer']['name']} {item['last']['text']}".lower()
            ]
        if query["view"] == "queue":
            found.sort(key=lambda item: (-item["priority"], item["queued_at"]))
        else:
            found.sort(key=lambda item: item["last"]["id"], reverse=True)
        start = int(query.get("after", 0))
        page, next = found[start : start + limit], start + limit
        return web.json_response({"items": page, "next": str(next) if next < len(found) else None, "total": len(found)})

    async def conversation(self, request: web.Request) -> web.Response:
        item = self._desk.items.get(request.match_info["id"])
        if item is None:
            return web.json_response({"error": "unknown"}, status=404)
        return web.json_response({**item, **self._desk.detail(item["id"])})

    async def transcript(self, request: web.Request) -> web.Response:
        lines = self._desk.transcript(request.match_info["id"])
        before, limit = int(request.query.get("before", 2**60)), int(request.query.get("limit", 50))
        older = [line for line in lines if line["id"] < before]
        return web.json_response({"lines": older[-limit:], "more": len(older) > limit})

    async def suggestions(self, _request: web.Request) -> web.Response:
        kinds = (
            ("Refund or exchange", "Would you like a refund or an exchange?"),
            ("Ask for a picture", "Could you send us a picture of it?"),
            ("Opening hours", "We are there from 9 to 18."),
        )
        items = [
            {"kind": "saved", "title": title, "content": {"text": text}, "intent": "return_order", "confidence": 0.91}
            for title, text in kinds
        ]
        return web.json_response({"items": items})

    async def understanding(self, request: web.Request) -> web.Response:
        if int(request.match_info["id"]) % 2:
            return web.json_response({"error": "unknown"}, status=404)
        ranking = [
            {"name": "return_order", "confidence": 0.87},
            {"name": "track_order", "confidence": 0.08},
            {"name": "ask_person", "confidence": 0.03},
        ]
        return web.json_response(
            {
                "intent": "return_order",
                "confidence": 0.87,
                "ranking": ranking,
                "entities": [{"entity": "order_number", "value": "1042"}],
            }
        )

    async def do(self, request: web.Request) -> web.Response:
        id, body = request.match_info["id"], await request.json()
        do = body["do"]
        if do in _BECOMES:
            keeps = do in ("take", "snooze")
            await self._desk.change_item(
                id, state=_BECOMES[do], agent=self._desk.me if keeps else None, snoozed_until=body.get("until")
            )
        elif do == "transfer":
            await self._desk.change_item(
                id,
                state="agent" if "agent" in body else "queued",
                agent=body.get("agent"),
                team=body.get("team", 1),
                queued_at=iso(people.moment()),
            )
        elif do == "set_slot":
            next(slot for slot in self._desk.detail(id)["slots"] if slot["name"] == body["name"])["value"] = body[
                "value"
            ]
        else:
            self._desk.violations.append(f"do: {body}")
        system = {
            "kind": "system",
            "author": "agent",
            "channel": None,
            "system": {"by": self._desk.me, "agent": self._desk.me, **body},
        }
        await self._desk.add_line(id, {**people.blank_line(self._desk.next_id(), iso(people.moment())), **system})
        return web.json_response({})

    async def say(self, request: web.Request) -> web.Response:
        id, body = request.match_info["id"], await request.json()
        if set(body) - {"content", "to", "id"} or len(body.get("id", "")) < 8:
            self._desk.violations.append(f"say: {sorted(body)}")
        if any(line.get("client_id") == body["id"] for line in self._desk.transcript(id)):
            return web.json_response({})
        ways = {identity["id"]: identity["channel"] for identity in self._desk.detail(id)["identities"]}
        said = {
            "author": "agent",
            "direction": "out",
            "agent": self._desk.me,
            "content": body["content"],
            "state": "sent",
            "attempts": 1,
        }
        line = {
            **people.blank_line(self._desk.next_id(), iso(people.moment())),
            **said,
            "channel": ways[body.get("to", 1)],
            "client_id": body["id"],
        }
        await self._desk.add_line(id, line)
        last = {"id": line["id"], "at": line["at"], "author": "agent", "text": body["content"].get("text", "")}
        await self._desk.change_item(id, last=last, unread=0)
        return web.json_response({})

    async def preview(self, request: web.Request) -> web.Response:
        body = await request.json()
        identity = next(
            one for one in self._desk.detail(request.match_info["id"])["identities"] if one["id"] == body.get("to", 1)
        )
        name = (self._desk.items[request.match_info["id"]]["customer"]["name"] or "").split(" ")[0]
        content = json.loads(json.dumps(body["content"]).replace("{customer}", name).replace("{agent}", "Maya"))
        options = len(content.get("options", ()))
        shows = (
            [f"interactive {'button' if options < 4 else 'list'}, {options} {'buttons' if options < 4 else 'rows'}"]
            if options
            else ["text"]
        )
        return web.json_response(
            {"channel": identity["channel"], "shows": shows, "content": content, "problem": None, "possible": []}
        )

    async def file(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"file": {"url": "vault:f1", "name": request.headers["X-File-Name"]}})

    async def note(self, request: web.Request) -> web.Response:
        id, body = request.match_info["id"], await request.json()
        note = {
            "id": self._desk.next_id(),
            "agent": self._desk.me,
            "text": body["text"],
            "mentions": body["mentions"],
            "whisper_to": body.get("whisper_to"),
            "at": iso(people.moment()),
        }
        note["after_message"] = max(line["id"] for line in self._desk.transcript(id))
        await self._desk.add_line(id, people.note_line(note))
        return web.json_response(note)

    async def label(self, request: web.Request) -> web.Response:
        id, body = request.match_info["id"], await request.json()
        kept = [label for label in self._desk.items[id]["labels"] if label not in body.get("remove", ())]
        await self._desk.change_item(id, labels=[*kept, *body.get("add", ())])
        return web.json_response({"labels": self._desk.items[id]["labels"]})

    async def link_code(self, _request: web.Request) -> web.Response:
        return web.json_response({"code": "K7M2-9QXD", "expires_in": 600})
