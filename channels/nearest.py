"""The nearest thing in words to what a channel cannot show. Pure."""

from __future__ import annotations

from channels.contract import File, Location
from channels.formatting import Mark, Rich, bold, joined, plain
from channels.text import storable

_WEB = ("https://", "http://")


def web_address(url: str | None) -> str | None:
    """`url`, if it is one that a platform can fetch and a customer can open."""
    cleaned = storable(url or "").strip()
    return cleaned if cleaned.startswith(_WEB) and not any(map(str.isspace, cleaned)) else None


def file_name(file: File) -> str:
    """What to call it: its name, or the last part of its address."""
    last = file.url.partition("?")[0].rstrip("/").rpartition("/")[2]
    return plain(file.name).text or storable(last or file.url)


def file_in_words(file: File) -> Rich:
    """Its name, linked to where it is. What cannot be fetched is no link."""
    name, url = file_name(file), web_address(file.url)
    mark = (Mark(start=2, end=2 + len(name), style="link", url=url),) if url else ()
    return Rich(text=f"📎 {name}", marks=mark)


def map_address(location: Location) -> str:
    """A page that shows the place: https://wiki.openstreetmap.org/wiki/Browsing#URLs"""
    latitude, longitude = f"{location.latitude:.6f}", f"{location.longitude:.6f}"
    return f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=17/{latitude}/{longitude}"


def location_in_words(location: Location) -> Rich:
    """Name, address and a link to a map."""
    url = map_address(location)
    degrees = f"{location.latitude:.5f}, {location.longitude:.5f}"
    link = Rich(text=f"📍 {degrees}", marks=(Mark(start=2, end=2 + len(degrees), style="link", url=url),))
    return joined([bold(location.name), plain(location.address), link])
