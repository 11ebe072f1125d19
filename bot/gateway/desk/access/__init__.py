"""Who may use the desk: passwords, second factors, sessions, roles; and the page itself, which anybody may load.

How the other parts of the desk are guarded:

    guard = Guard(engine=engine, clock=clock, origins=Origins(public_url=settings.public_url))
    app.add_routes([
        guard.get("/desk/api/live", show_live, role="supervisor"),
        guard.post("/desk/api/conversations/{id}/do", do),
        guard.delete("/desk/api/saved-replies/{id}", forget),
        guard.socket("/desk/socket", serve),  # a GET whose Origin is checked before it is upgraded
    ])

    async def do(request: web.Request, agent: Agent) -> web.StreamResponse:
        wanted = await body_of(request)             # a JSON object, or Refused(400, "malformed") / (413, "too_large")
        raise Refused(409, "taken", has_it=other)   # answered as {"error": "taken", "has_it": ...}
        return web.json_response(...)

A handler is only called with an agent who is logged in, not disabled, and of `role` or above (agent < supervisor <
admin): else 401 `{"error": "logged_out"}` or 403 `{"error": "not_allowed"}`. What changes something (every method but
GET) also has to come from the desk's own page: header `X-CSRF` and `Origin`, else 403 `{"error": "csrf"}` or
`{"error": "origin"}`. Headers that all answers under /desk need are set for all of them (`strict_headers`).

Sockets outlive the request that opened them. Whoever keeps one asks, whenever something was committed, and before
doing what came in by it:

    still = await open_sessions(connection, {agent.session, ...}, now)     # those of them that are not over

and closes the others after `{"type": "expired"}`. Ending a session is a commit like any other, so it wakes.
"""

from bot.gateway.desk.access.guard import Guard, Handler, strict_headers
from bot.gateway.desk.access.origins import Origins
from bot.gateway.desk.access.refusing import Refused, body_of
from bot.gateway.desk.access.sessions import Agent, open_sessions

__all__ = ["Agent", "Guard", "Handler", "Origins", "Refused", "body_of", "open_sessions", "strict_headers"]
