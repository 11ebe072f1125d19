"""What a session is good for, for how long, from which page, and in whose role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine
from yarl import URL

from bot.gateway.desk.access import Agent, Guard, Origins, Refused, open_sessions
from bot.gateway.desk.access.page import page_routes
from bot.store.database import reading
from bot.store.desk_tables import agent_sessions, audit
from tests.database import Clock
from tests.gateway.desk.staff import PASSWORD, Browser, hire, open_desk
from tests.gateway.people import rows
from tests.gateway.running import running_gateway

PUBLIC = "https://desk.example.com"
LOGGED_OUT = (401, {"error": "logged_out"})


@pytest.fixture
async def desk(engine: AsyncEngine, clock: Clock) -> AsyncIterator[str]:
    async with open_desk(engine, clock) as url:
        yield url


@pytest.fixture
async def browser(engine: AsyncEngine, desk: str) -> AsyncIterator[Browser]:
    """Maya's, who is logged in."""
    await hire(engine, "maya")
    async with Browser(desk) as browser:
        await browser.log_in("maya")
        yield browser


async def still_open(engine: AsyncEngine, clock: Clock) -> int:
    """What a socket asks that was opened by each of them."""
    sessions = {row.token_hash for row in await rows(engine, agent_sessions)}
    async with reading(engine) as connection:
        return len(await open_sessions(connection, {*sessions, "0" * 64}, clock.now))


# --- How long ---------------------------------------------------------------------------------------------------------


async def test_after_twelve_idle_hours_it_is_over(engine: AsyncEngine, browser: Browser, clock: Clock) -> None:
    clock.forward(hours=11, minutes=59)
    assert (await browser.get("/desk/api/me"))[0] == 200
    clock.forward(hours=11, minutes=59)
    assert (await browser.get("/desk/api/me"))[0] == 200
    clock.forward(hours=12)
    assert await browser.get("/desk/api/me") == LOGGED_OUT
    assert await still_open(engine, clock) == 0


async def test_after_seven_days_it_is_over_however_busy(engine: AsyncEngine, browser: Browser, clock: Clock) -> None:
    for _ in range(7 * 24 - 1):
        clock.forward(hours=1)
        assert (await browser.get("/desk/api/me"))[0] == 200
    clock.forward(hours=1)
    assert await browser.get("/desk/api/me") == LOGGED_OUT
    assert await still_open(engine, clock) == 0


async def test_what_is_over_is_deleted_when_somebody_logs_in(
    engine: AsyncEngine, browser: Browser, clock: Clock
) -> None:
    clock.forward(days=1)
    await browser.log_in("maya")
    assert len(await rows(engine, agent_sessions)) == 1


# --- Ending it --------------------------------------------------------------------------------------------------------


async def test_a_token_that_was_stolen_is_useless_after_log_out(
    engine: AsyncEngine, desk: str, browser: Browser, clock: Clock
) -> None:
    async with Browser(desk) as thief:
        thief.http.cookie_jar.update_cookies({name: one.value for name, one in browser.cookies.items()})
        thief.csrf = browser.csrf
        assert (await thief.get("/desk/api/me"))[0] == 200
        assert await still_open(engine, clock) == 1
        assert await browser.post("/desk/api/logout") == (200, {})
        assert await thief.get("/desk/api/me") == LOGGED_OUT
        assert await thief.post("/desk/api/me", {"availability": "away"}) == LOGGED_OUT
        with pytest.raises(WSServerHandshakeError, match="401"):
            await thief.http.ws_connect(f"{desk}/desk/socket", headers={"Origin": desk})
    assert await still_open(engine, clock) == 0
    assert "throughline_desk" not in browser.cookies


async def test_sessions_are_listed_and_ended_one_by_one(desk: str, browser: Browser, clock: Clock) -> None:
    clock.forward(minutes=5)
    async with Browser(desk) as phone:
        phone.http.headers["User-Agent"] = (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"
        )
        await phone.log_in("maya")
        _, listed = await browser.get("/desk/api/me/sessions")
        shown = [(one["client"], one["this"]) for one in listed["items"]]
        assert shown == [("", True), ("Safari, iPhone", False)] or shown == [("Safari, iPhone", False), ("", True)]
        of_phone = next(one["id"] for one in listed["items"] if not one["this"])
        assert await browser.delete(f"/desk/api/me/sessions/{of_phone}") == (200, {})
        assert await phone.get("/desk/api/me") == LOGGED_OUT
    assert (await browser.delete(f"/desk/api/me/sessions/{of_phone}"))[0] == 404
    assert (await browser.get("/desk/api/me"))[0] == 200


async def test_nobody_ends_somebody_elses_session(engine: AsyncEngine, desk: str, browser: Browser) -> None:
    await hire(engine, "eve", role="admin")
    [mayas] = await rows(engine, agent_sessions)
    async with Browser(desk) as eve:
        await eve.log_in("eve")
        assert (await eve.delete(f"/desk/api/me/sessions/{mayas.token_hash[:16]}"))[0] == 404
        assert (await eve.delete("/desk/api/me/sessions/________________"))[0] == 404
    assert (await browser.get("/desk/api/me"))[0] == 200


async def test_a_new_password_ends_all_sessions_and_gives_this_browser_a_new_one(
    engine: AsyncEngine, desk: str, browser: Browser, clock: Clock
) -> None:
    stolen = browser.cookies["throughline_desk"].value
    new = "seven kettles, and one of them sings"
    status, me = await browser.post("/desk/api/me", {"password": {"old": PASSWORD, "new": new}})
    assert status == 200
    async with Browser(desk) as thief:
        thief.http.cookie_jar.update_cookies({"throughline_desk": stolen})
        assert await thief.get("/desk/api/me") == LOGGED_OUT
        assert (await thief.log_in("maya"))[0] == 401
        assert (await thief.log_in("maya", new))[0] == 200
    assert (await browser.post("/desk/api/me", {"availability": "away"}))[1] == {"error": "csrf"}
    browser.csrf = me["csrf"]
    assert (await browser.post("/desk/api/me", {"availability": "away"}))[1]["agent"]["availability"] == "away"
    assert "password_changed" in [row.what for row in await rows(engine, audit)]


@pytest.mark.parametrize(
    ("password", "status", "said"),
    [
        ({"old": "not the old one", "new": "seven kettles, and one sings"}, 401, {"error": "wrong"}),
        ({"old": PASSWORD, "new": "too short"}, 422, "too_short"),
        ({"old": PASSWORD, "new": "maya-maya-12345"}, 422, "is_login"),
        ({"old": PASSWORD, "new": "Password123456"}, 422, "too_common"),
        ("seven kettles, and one sings", 422, "is written like {old, new}"),
    ],
)
async def test_a_password_that_cannot_be_taken_changes_nothing(
    engine: AsyncEngine, browser: Browser, password: object, status: int, said: object
) -> None:
    answered, body = await browser.post("/desk/api/me", {"password": password})
    assert (answered, body if status == 401 else body["why"]) == (status, said)
    assert (await browser.get("/desk/api/me"))[0] == 200


async def test_a_stolen_session_cannot_guess_the_password(browser: Browser) -> None:
    wrong = {"password": {"old": "a guess that is wrong", "new": "seven kettles, and one sings"}}
    said = [(await browser.post("/desk/api/me", wrong))[0] for _ in range(7)]
    assert said == [401] * 5 + [429] * 2


# --- From which page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X_CSRF": ""}, "csrf"),
        ({"X_CSRF": "0" * 64}, "csrf"),
        ({"X_CSRF": "ü"}, "csrf"),
        ({"Origin": ""}, "origin"),
        ({"Origin": "null"}, "origin"),
        ({"Origin": "https://evil.example"}, "origin"),
        ({"Origin": "https://127.0.0.1"}, "origin"),
    ],
)
async def test_what_another_page_asks_is_refused(browser: Browser, headers: dict[str, str], said: str) -> None:
    before = await browser.get("/desk/api/me")
    for answer in (
        await browser.post("/desk/api/me", {"availability": "away"}, **headers),
        await browser.post("/desk/api/logout", **headers),
        await browser.delete("/desk/api/me/sessions/0123456789abcdef", **headers),
    ):
        assert answer == (403, {"error": said})
    assert await browser.get("/desk/api/me") == before


async def test_the_token_of_another_session_is_no_good(desk: str, browser: Browser) -> None:
    async with Browser(desk) as other:
        await other.log_in("maya")
        assert other.csrf != browser.csrf
        assert await browser.post("/desk/api/me", {}, X_CSRF=other.csrf) == (403, {"error": "csrf"})


async def test_another_page_cannot_log_anybody_in(browser: Browser) -> None:
    given = {"login": "maya", "password": PASSWORD}
    assert await browser.post("/desk/api/login", given, Origin="https://evil.example") == (403, {"error": "origin"})


async def test_another_page_cannot_open_a_socket(desk: str, browser: Browser) -> None:
    async with browser.http.ws_connect(f"{desk}/desk/socket", headers={"Origin": desk}) as socket:
        assert await socket.receive_str() == "maya"
    for origin in ({"Origin": "https://evil.example"}, {}):
        with pytest.raises(WSServerHandshakeError, match="403"):
            await browser.http.ws_connect(f"{desk}/desk/socket", headers=origin)


async def test_a_name_of_somebody_elses_that_leads_here_is_not_the_desk(desk: str, browser: Browser) -> None:
    """DNS rebinding: the browser takes evil.example for this machine, and its page for the desk's own."""
    async with Browser(desk, origin="http://evil.example", host="evil.example") as evil:
        evil.http.cookie_jar.update_cookies({name: one.value for name, one in browser.cookies.items()})
        evil.csrf = browser.csrf
        assert await evil.get("/desk/api/me") == LOGGED_OUT
        assert await evil.log_in("maya") == (403, {"error": "insecure"})


async def test_over_https_the_cookie_is_for_this_host_alone(engine: AsyncEngine, clock: Clock) -> None:
    await hire(engine, "maya")
    async with open_desk(engine, clock, public_url=f"{PUBLIC}/chat") as url, ClientSession() as http:
        headers = {"Origin": PUBLIC, "Host": "desk.example.com"}
        given = {"login": "maya", "password": PASSWORD}
        async with http.post(f"{url}/desk/api/login", json=given, headers=headers) as answer:
            sent = answer.headers.getall("Set-Cookie")
        assert sorted(one.partition("=")[0] for one in sent) == ["__Host-throughline_desk", "__Host-throughline_device"]
        for one in sent:
            for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
                assert word in one.split("; ")
            assert "Domain" not in one
        token = SimpleCookie(sent[0])["__Host-throughline_desk"].value
        named = {**headers, "Cookie": f"throughline_desk={token}"}
        async with http.get(f"{url}/desk/api/me", headers=named) as answer:
            assert answer.status == 401, "anybody on the way could have set one of that name"
        async with http.get(f"{url}/desk/api/me", headers={**headers, "Cookie": f"__Host-{named['Cookie']}"}) as answer:
            assert answer.status == 200


async def test_plain_http_over_a_network_is_refused(engine: AsyncEngine, clock: Clock) -> None:
    await hire(engine, "maya")
    async with (
        open_desk(engine, clock, public_url="http://desk.internal:8080") as url,
        Browser(url, origin="http://desk.internal:8080", host="desk.internal:8080") as browser,
    ):
        assert await browser.log_in("maya") == (403, {"error": "insecure"})


async def test_on_this_machine_the_cookie_is_kept_from_scripts(browser: Browser) -> None:
    for name in ("throughline_desk", "throughline_device"):
        cookie = browser.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")


# --- Headers, and the page --------------------------------------------------------------------------------------------

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/desk", "/desk/", "/desk/api/me", "/desk/api/nothing", "/desk/static/nothing.js"])
async def test_the_whole_gateway_serves_the_desk_with_strict_headers(tmp_path: Path, path: str) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.http.get(gateway.url + path) as answer:
        assert answer.headers["Content-Security-Policy"] == CSP
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert (answer.headers.get("Cache-Control") == "no-store") is path.startswith("/desk/api/")


async def test_headers_of_the_desk_are_the_desks_alone(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.http.get(f"{gateway.url}/healthz") as answer:
        assert "Content-Security-Policy" not in answer.headers


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "secret.js").write_text("no")
    folder = tmp_path / "static"
    (folder / "ui").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "ui" / "list.js").write_text("export {}")
    (folder / "README.md").write_text("for its readers")
    (folder / "leads-out.js").symlink_to(tmp_path / "secret.js")
    app = web.Application()
    app.add_routes(page_routes(folder))
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/"))
    await server.close()


@pytest.mark.parametrize(
    ("path", "type"),
    [("desk", "text/html"), ("desk/", "text/html"), ("desk/static/ui/list.js", "text/javascript")],
)
async def test_the_page_and_its_files_are_served_once(page: str, path: str, type: str) -> None:
    async with ClientSession() as http:
        async with http.get(page + path) as answer:
            assert (answer.status, answer.content_type, answer.charset) == (200, type, "utf-8")
            mark = answer.headers["ETag"]
        async with http.get(page + path, headers={"If-None-Match": mark}) as answer:
            assert answer.status == 304


@pytest.mark.parametrize(
    "name",
    [
        "../secret.js",
        "%2e%2e/secret.js",
        "..%2fsecret.js",
        "leads-out.js",
        "README.md",
        "ui",
        "no.js",
        "%00.js",
        "x" * 5000,
    ],
)
async def test_nothing_else_is_served(page: str, name: str) -> None:
    async with ClientSession() as http, http.get(URL(f"{page}desk/static/{name}", encoded=True)) as answer:
        assert answer.status == 404


# --- Whose role -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "allowed"), [("agent", [200, 403, 403]), ("supervisor", [200, 200, 403]), ("admin", [200] * 3)]
)
async def test_each_role_may_do_what_those_below_it_may(
    engine: AsyncEngine, desk: str, role: str, allowed: list[int]
) -> None:
    await hire(engine, "somebody", role="agent")
    other = await hire(engine, "other")
    await hire(engine, "who", role=role)
    async with Browser(desk) as browser:
        await browser.log_in("who")
        assert [
            (await browser.get("/desk/api/agents"))[0],
            (await browser.post(f"/desk/api/agents/{other}", {"availability": "away"}))[0],
            (await browser.post(f"/desk/api/agents/{other}", {"capacity": 3}))[0],
        ] == allowed


async def test_a_refusal_says_what_it_is_in_json(engine: AsyncEngine, clock: Clock) -> None:
    async def taken(_request: web.Request, _agent: Agent) -> web.StreamResponse:
        raise Refused(409, "taken", has_it="sam")

    await hire(engine, "maya")
    guard = Guard(engine=engine, clock=clock, origins=Origins())
    async with open_desk(engine, clock, more=[guard.post("/desk/api/take", taken)]) as url, Browser(url) as browser:
        await browser.log_in("maya")
        assert await browser.post("/desk/api/take") == (409, {"error": "taken", "has_it": "sam"})


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"\xff", 400), (b'{"a":' * 30_000, 413), (b"[" * 60_000, 400)]
)
async def test_what_is_no_json_object_is_refused(browser: Browser, body: bytes, status: int) -> None:
    headers = {"Origin": browser.url, "X-CSRF": browser.csrf}
    async with browser.http.post(f"{browser.url}/desk/api/me", data=body, headers=headers) as answer:
        assert answer.status == status
