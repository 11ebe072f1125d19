"""Which addresses the bot's token may be sent to, and which files may be fetched without it.

A service URL comes with every activity, so whoever could forge one would be given the token: hence a list of hosts, as
Microsoft's newer SDK has it (https://microsoft.github.io/teams-sdk/python/essentials/app-configuration/service-url-validation).
"""

from __future__ import annotations

import re
from collections.abc import Collection

PUBLIC_HOSTS = (
    "smba.trafficmanager.net",
    "smba.onyx.prod.teams.trafficmanager.net",
    "smba.infra.gcc.teams.microsoft.com",
)
"""Of the public cloud, whose keys and log-in this channel uses."""

FILE_HOSTS = (".sharepoint.com", ".svc.ms")
"""How the hosts end on which people's files are, in the public cloud:
https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges"""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

_HOST = re.compile(r"[A-Za-z0-9.-]+|\[::1\]")
_URL = re.compile(rf"(https?)://({_HOST.pattern})(:[0-9]{{1,5}})?(?:/[A-Za-z0-9._~%/-]*)?")
"""No user, no query, nothing that two parsers could read differently."""
_FILE_URL = re.compile(rf"(https?)://({_HOST.pattern})(:[0-9]{{1,5}})?/[!$-;=?-\[\]_a-z~]*")
"""The same with a query, which holds the permission to fetch the file."""


class NotAllowed(Exception):
    """A service URL that no token may go to; the text says why and does not quote it."""


class ServiceUrls:
    """The allow-list. A host on loopback needs to be listed too and may be plain HTTP, for a stand-in on one's own
    machine; in development nothing but loopback is allowed."""

    def __init__(self, hosts: Collection[str], *, development: bool) -> None:
        self._hosts = LOOPBACK if development else frozenset(host.lower() for host in hosts)

    def check(self, url: str) -> None:
        """Raises NotAllowed."""
        match = _URL.fullmatch(url)
        if match is None:
            raise NotAllowed("serviceUrl is not a plain web address")
        scheme, host, port = match[1], match[2].lower(), match[3]
        if host not in self._hosts:
            raise NotAllowed("serviceUrl leads to a host that is not in TEAMS_SERVICE_HOSTS")
        if host not in LOOPBACK and (scheme != "https" or port not in (None, ":443")):
            raise NotAllowed("serviceUrl is not https")

    def check_file(self, url: str, *, token: bool) -> None:
        """The address of a customer's file, to be fetched with the token or without. Raises NotAllowed."""
        match = _FILE_URL.fullmatch(url)
        if match is None:
            raise NotAllowed("the file's address is not a plain web address")
        scheme, host, port = match[1], match[2].lower(), match[3]
        if host not in self._hosts and (token or not host.endswith(FILE_HOSTS)):
            raise NotAllowed("the file is on a host that nothing is fetched from")
        if host not in LOOPBACK and (scheme != "https" or port not in (None, ":443")):
            raise NotAllowed("the file's address is not https")


def is_host(name: str) -> bool:
    """Whether a name can be on the list at all."""
    return _HOST.fullmatch(name) is not None


def is_loopback(url: str) -> bool:
    match = _URL.fullmatch(url)
    return match is not None and match[2].lower() in LOOPBACK
