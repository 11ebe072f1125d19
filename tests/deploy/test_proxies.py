"""The reverse proxies' examples, run with the real programs in front of something that tells what arrived."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.ports import free_port, free_ports
from tests.deploy.files import DEPLOY

HOST = "chat.example.com"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    url: str
    http: aiohttp.ClientSession


@pytest.fixture(params=["nginx", "caddy"])
async def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Proxy]:
    """One of them, in front of two gateways of which the first does not answer."""
    name: str = request.param
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not on this machine")
    if name == "caddy" and _version(program) < (2, 7):
        pytest.skip("Caddy 2.6 answers 502 where it should post to the next one")
    listens, nobody = free_ports(2)
    async with TestServer(_told(), host="127.0.0.1") as behind:
        upstream = {"127.0.0.1:8080": f"127.0.0.1:{nobody}", "127.0.0.1:8090": f"127.0.0.1:{behind.port}"}
        start = _nginx if name == "nginx" else _caddy
        command, scheme = start(program, tmp_path, listens, upstream)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        async with (
            _running(command, listens),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting), headers={"Host": HOST}) as http,
        ):
            yield Proxy(url=f"{scheme}://127.0.0.1:{listens}", http=http)


async def test_a_gateway_that_is_away_is_passed_over_and_a_strangers_claim_is_dropped(proxy: Proxy) -> None:
    for _ in range(4):
        claimed = {"X-Forwarded-For": "6.6.6.6"}
        async with proxy.http.post(f"{proxy.url}/webhooks/telegram", data=b"{}", headers=claimed) as answer:
            assert answer.status == 200
            told = await answer.json()
            assert told == {"host": HOST, "forwarded": "127.0.0.1", "size": 2}


async def test_a_socket_is_a_socket_behind_it(proxy: Proxy) -> None:
    async with proxy.http.ws_connect(f"{proxy.url}/webchat/socket") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=30) == "hello"


async def test_the_largest_file_passes_and_far_larger_ones_do_not(proxy: Proxy) -> None:
    async with proxy.http.post(f"{proxy.url}/webchat/files", data=b"x" * 21 * 1024 * 1024) as answer:
        assert (await answer.json())["size"] == 21 * 1024 * 1024
    try:
        async with proxy.http.post(f"{proxy.url}/webchat/files", data=b"x" * 40 * 1024 * 1024) as answer:
            assert answer.status == 413
    except aiohttp.ClientError:
        pass  # cut off in the middle, which it may be


async def test_metrics_stay_inside(proxy: Proxy) -> None:
    async with proxy.http.get(f"{proxy.url}/metrics") as answer:
        assert answer.status == 404


def _told() -> web.Application:
    """Tells what of a request arrived."""

    async def tell(request: web.Request) -> web.Response:
        size = len(await request.read())
        forwarded = request.headers.get("X-Forwarded-For")
        return web.json_response({"host": request.headers["Host"], "forwarded": forwarded, "size": size})

    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application(client_max_size=100 * 1024 * 1024)
    app.router.add_get("/webchat/socket", echo)
    app.router.add_route("*", "/{rest:.*}", tell)
    return app


def _nginx(program: str, folder: Path, port: int, upstream: dict[str, str]) -> tuple[list[str], str]:
    """On a free port, with a certificate of its own; `nginx -t` says first whether it is right."""
    made = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}", *made],
        check=True,
        capture_output=True,
    )
    site = _with(DEPLOY / "proxy/nginx.conf", upstream)
    redirecting = free_port()
    for line, there in (
        ("/etc/letsencrypt/live/chat.example.com", str(folder)),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("listen 80;", f"listen 127.0.0.1:{redirecting};"),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("    listen [::]:80;\n", ""),
    ):
        assert line in site
        site = site.replace(line, there)
    (folder / "site.conf").write_text(site)
    bodies = "".join(
        f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {bodies} include {folder}/site.conf; }}\n"
    )
    subprocess.run([program, "-t", "-q", "-c", whole], check=True, capture_output=True)
    return [program, "-c", str(whole)], "https"


def _caddy(program: str, folder: Path, port: int, upstream: dict[str, str]) -> tuple[list[str], str]:
    """On a free port of loopback without TLS: it would ask for a certificate on the internet."""
    text = _with(DEPLOY / "proxy/Caddyfile", upstream)
    assert "chat.example.com {" in text
    text = text.replace("chat.example.com {", f"http://{HOST}:{port} {{\n\tbind 127.0.0.1")
    whole = folder / "Caddyfile"
    whole.write_text("{\n\tadmin off\n}\n\n" + text)
    subprocess.run([program, "validate", "--adapter", "caddyfile", "--config", whole], check=True, capture_output=True)
    return [program, "run", "--adapter", "caddyfile", "--config", str(whole)], "http"


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in said.split()[0].lstrip("v").split(".")[:2])


def _with(path: Path, upstream: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for named, there in upstream.items():
        assert named in text
        text = text.replace(named, there)
    return text


@asynccontextmanager
async def _running(command: list[str], port: int) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(30):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        assert process.returncode is None
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)
