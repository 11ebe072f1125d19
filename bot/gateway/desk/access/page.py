"""The page itself and its files, as they lie in `static/`. They are no secret: anybody may load them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).resolve().parent.parent / "static"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
"""What is of no other type is not served: a machine may know none of them, and a README is for its readers."""


def page_routes(folder: Path = STATIC) -> list[web.AbstractRouteDef]:
    """The page at `/desk`, whatever its own address behind that says, and its files."""

    async def page(_request: web.Request) -> web.StreamResponse:
        return _file(folder, "index.html")

    async def file(request: web.Request) -> web.StreamResponse:
        return _file(folder, request.match_info["path"])

    return [web.get("/desk", page), web.get("/desk/", page), web.get("/desk/static/{path:.+}", file)]


def _file(folder: Path, name: str) -> web.FileResponse:
    """Asked for again each time, and answered with 304 while it is the same (ETag): after an update nobody works with a
    half of the old page."""
    try:
        path = (folder / name).resolve()
        known = path.is_relative_to(folder) and path.suffix in _TYPES and path.is_file()
    except (ValueError, OSError):
        known = False  # a name that no file can have
    if not known:
        raise web.HTTPNotFound(text="not here")
    return web.FileResponse(path, headers={"Content-Type": _TYPES[path.suffix], "Cache-Control": "no-cache"})
