"""Is this request from Teams? The rules of
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#connector-to-bot

Checked here and not by botbuilder, which lets a token without `exp` pass, switches itself off without an app id, meets
garbage with errors of many kinds, and fetches the keys with a call that blocks (version 4.17.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from channels.contract import WebhookRejected

from .keys import Key, KeySet, NoKeys

ISSUER = "https://api.botframework.com"
CHANNEL = "msteams"
SKEW = 300.0
"""Seconds that two clocks may differ by."""
_TOKEN_MAX = 16_384


async def check_token(authorization: str, *, app_id: str, service_url: str | None, keys: KeySet) -> None:
    """Return if the header's token is Microsoft's, for this bot and this activity.

    service_url: of the activity; None if the body is no activity at all, which `read` will say

    Raises WebhookRejected and nothing else.
    """
    token = _bearer(authorization)
    key = await _key(token, keys)
    claims = _claims(token, key, app_id)
    if CHANNEL not in key.endorsements:
        raise WebhookRejected("the token's key is not endorsed for msteams")
    if service_url is not None and _service_url(claims) != service_url:
        raise WebhookRejected("the token is for another serviceUrl than the activity's")


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise WebhookRejected("the Authorization header holds no bearer token")
    if len(token) > _TOKEN_MAX:
        raise WebhookRejected("the token is too long")
    return token.strip()


async def _key(token: str, keys: KeySet) -> Key:
    kid = _header(token).get("kid")
    if not isinstance(kid, str):
        raise WebhookRejected("the token names no key")
    try:
        key = await keys.find(kid)
    except NoKeys as problem:
        raise WebhookRejected(str(problem)) from None
    if key is None:
        raise WebhookRejected("the token names a key that is not Microsoft's")
    return key


def _header(token: str) -> Mapping[str, Any]:
    """PyJWT names its errors but passes on others for bytes that are no text, or JSON nested too deep."""
    try:
        return jwt.get_unverified_header(token)
    except Exception as problem:
        raise WebhookRejected(f"the token cannot be read: {type(problem).__name__}") from None


def _claims(token: str, key: Key, app_id: str) -> Mapping[str, Any]:
    try:
        return jwt.decode(
            token,
            key.public,
            algorithms=["RS256"],
            audience=app_id,
            issuer=ISSUER,
            leeway=SKEW,
            options={"require": ["exp", "iss", "aud"], "strict_aud": True},
        )
    except Exception as problem:
        raise WebhookRejected(f"the token is refused: {type(problem).__name__}") from None


def _service_url(claims: Mapping[str, Any]) -> object:
    """Microsoft writes `serviceurl`; its documentation and its SDK know both."""
    return claims.get("serviceurl", claims.get("serviceUrl"))
