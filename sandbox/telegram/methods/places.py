"""Places: https://core.telegram.org/bots/api#sendlocation, #sendvenue"""

from __future__ import annotations

import math

from ..errors import Json, bad_request
from ..keyboards import read_keyboard
from .call import Call, writable_chat
from .messages import send


async def send_location(call: Call) -> Json:
    location = _location(call)
    keyboard = read_keyboard(call.params)
    return send(call, writable_chat(call), {"location": location}, keyboard)


async def send_venue(call: Call) -> Json:
    location = _location(call)
    title, address = call.params.text("title").strip(), call.params.text("address").strip()
    keyboard = read_keyboard(call.params)
    venue = {"location": location, "title": title, "address": address}
    return send(call, writable_chat(call), {"venue": venue, "location": location}, keyboard)


def _location(call: Call) -> Json:
    latitude, longitude = _degrees(call, "latitude"), _degrees(call, "longitude")
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise bad_request("wrong location specified")
    return {"latitude": latitude, "longitude": longitude}


def _degrees(call: Call, name: str) -> float:
    """Telegram reads what is no number as 0."""
    text = call.params.text(name).strip()
    if not text:
        raise bad_request(f"{name} is empty")
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
