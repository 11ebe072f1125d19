"""Microsoft's keys, played: what signs the deliveries, what is published, and every way of getting it wrong.

https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#connector-to-bot
"""

from __future__ import annotations

import base64
import functools
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .errors import Json

ISSUER = "https://api.botframework.com"

Forgery = Literal[
    "missing header",
    "empty header",
    "other scheme",
    "garbage",
    "not text",
    "nested header",
    "no kid",
    "number as kid",
    "unknown kid",
    "stranger's key",
    "not endorsed",
    "without endorsements",
    "alg none",
    "alg HS256",
    "alg RS512",
    "expired",
    "without exp",
    "exp is text",
    "not yet",
    "other audience",
    "without audience",
    "several audiences",
    "other issuer",
    "without issuer",
    "other service url",
    "without service url",
    "changed claims",
]


@functools.cache
def _rsa(name: str) -> RSAPrivateKey:
    """Making a key takes a while, so servers of one process share theirs."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(kw_only=True, eq=False)
class SigningKey:
    kid: str
    private: RSAPrivateKey
    endorsements: list[str] | None

    def published(self) -> Json:
        """https://datatracker.ietf.org/doc/html/rfc7517 with Microsoft's `endorsements`"""
        entry = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        entry |= {"kid": self.kid, "x5t": self.kid, "use": "sig"}
        entry.pop("key_ops", None)
        return entry if self.endorsements is None else entry | {"endorsements": self.endorsements}


def _new_key(name: str, endorsements: list[str] | None) -> SigningKey:
    return SigningKey(kid=secrets.token_urlsafe(20), private=_rsa(name), endorsements=endorsements)


class Keys:
    """The keys of one server. `now`: aware UTC."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._generation = 0
        self.current = _new_key("current 0", ["msteams", "webchat"])
        self._unendorsed = _new_key("unendorsed", ["webchat"])
        self._bare = _new_key("bare", None)
        self._stranger = _new_key("stranger", ["msteams"])
        self._old: list[SigningKey] = []

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with a new key from now on."""
        self._old = [self.current, *self._old] if keep_old else []
        self._generation += 1
        self.current = _new_key(f"current {self._generation}", ["msteams", "webchat"])

    def published(self) -> Json:
        return {"keys": [key.published() for key in (self.current, *self._old, self._unendorsed, self._bare)]}

    def authorization(self, app_id: str, service_url: str, forgery: Forgery | None = None) -> Mapping[str, str]:
        """The headers of a delivery: valid unless a forgery is asked for."""
        claims = self.claims(app_id, service_url)
        if forgery in _WITHOUT_TOKEN:
            return _WITHOUT_TOKEN[forgery]
        if forgery in _CLAIMS:
            claims = _CLAIMS[forgery](claims)
        return {"Authorization": f"Bearer {self._token(claims, forgery)}"}

    def claims(self, app_id: str, service_url: str) -> Json:
        now = int(self._now().timestamp())
        return {"serviceurl": service_url, "nbf": now, "exp": now + 3600, "iss": ISSUER, "aud": app_id}

    def sign(self, claims: Json, key: SigningKey | None = None, **header: Any) -> str:
        signing = key or self.current
        return jwt.encode(claims, signing.private, algorithm="RS256", headers={"kid": signing.kid} | header)

    def _token(self, claims: Json, forgery: Forgery | None) -> str:
        if forgery == "not endorsed":
            return self.sign(claims, self._unendorsed)
        if forgery == "without endorsements":
            return self.sign(claims, self._bare)
        if forgery == "unknown kid":
            return self.sign(claims, self._stranger)
        if forgery == "stranger's key":
            return self.sign(claims, self._stranger, kid=self.current.kid)
        if forgery in _HEADERS:
            return _HEADERS[forgery](claims, self.current)
        return self.sign(claims)


_WITHOUT_TOKEN: Mapping[str | None, Mapping[str, str]] = {
    "missing header": {},
    "empty header": {"Authorization": ""},
    "other scheme": {"Authorization": "Basic YWxpY2U6c2VjcmV0"},
    "garbage": {"Authorization": "Bearer not.a.token"},
    "not text": {"Authorization": "Bearer \udcff\udcfe.\u0664.é"},
}

_CLAIMS: Mapping[str | None, Callable[[Json], Json]] = {
    "expired": lambda claims: claims | {"nbf": claims["nbf"] - 7200, "exp": claims["nbf"] - 301},
    "without exp": lambda claims: _without(claims, "exp"),
    "exp is text": lambda claims: claims | {"exp": "never"},
    "not yet": lambda claims: claims | {"nbf": claims["nbf"] + 330},
    "other audience": lambda claims: claims | {"aud": "00000000-0000-0000-0000-000000000000"},
    "without audience": lambda claims: _without(claims, "aud"),
    "several audiences": lambda claims: claims | {"aud": [claims["aud"], "another"]},
    "other issuer": lambda claims: claims | {"iss": "https://sts.windows.net/"},
    "without issuer": lambda claims: _without(claims, "iss"),
    "other service url": lambda claims: claims | {"serviceurl": "https://smba.trafficmanager.net/elsewhere/"},
    "without service url": lambda claims: _without(claims, "serviceurl"),
}


def _without(claims: Json, name: str) -> Json:
    return {key: value for key, value in claims.items() if key != name}


def _raw(header: object, claims: object, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _hs256(claims: Json, key: SigningKey) -> str:
    """The classic: the public key, which everybody knows, as the secret. PyJWT would not do it."""
    unsigned = _raw({"alg": "HS256", "typ": "JWT", "kid": key.kid}, claims).rpartition(".")[0]
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = hmac.digest(public, unsigned.encode(), "sha256")
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _nested(claims: Json, key: SigningKey) -> str:
    header = base64.urlsafe_b64encode(b"[" * 3000).decode()
    return f"{header}.e30.AA"


def _changed(claims: Json, key: SigningKey) -> str:
    """Good for another bot, and changed to be good for this one."""
    header, _, signature = jwt.encode(
        claims | {"aud": "another"}, key.private, algorithm="RS256", headers={"kid": key.kid}
    ).split(".")
    return ".".join((header, _raw({}, claims).split(".")[1], signature))


_HEADERS: Mapping[str | None, Callable[[Json, SigningKey], str]] = {
    "nested header": _nested,
    "no kid": lambda claims, key: jwt.encode(claims, key.private, algorithm="RS256"),
    "number as kid": lambda claims, key: _raw({"alg": "RS256", "typ": "JWT", "kid": 7}, claims, b"x" * 256),
    "alg none": lambda claims, key: _raw({"alg": "none", "typ": "JWT", "kid": key.kid}, claims),
    "alg HS256": _hs256,
    "alg RS512": lambda claims, key: jwt.encode(claims, key.private, algorithm="RS512", headers={"kid": key.kid}),
    "changed claims": _changed,
}
