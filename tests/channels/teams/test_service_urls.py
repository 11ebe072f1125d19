"""Where the bot's token may go."""

from __future__ import annotations

import pytest

from channels.teams.service_urls import PUBLIC_HOSTS, NotAllowed, ServiceUrls

PUBLIC = ServiceUrls(PUBLIC_HOSTS, development=False)
STAND_IN = ServiceUrls(("127.0.0.1",), development=False)
DEVELOPMENT = ServiceUrls(PUBLIC_HOSTS, development=True)

ALLOWED = [
    (PUBLIC, "https://smba.trafficmanager.net/emea/72f988bf-86f1-41af-91ab-2d7cd011db47/"),
    (PUBLIC, "https://smba.trafficmanager.net/teams/"),
    (PUBLIC, "https://SMBA.trafficmanager.net:443"),
    (PUBLIC, "https://smba.infra.gcc.teams.microsoft.com/teams"),
    (STAND_IN, "http://127.0.0.1:8081/emea/"),
    (DEVELOPMENT, "http://localhost:56150/_connector"),
    (DEVELOPMENT, "http://[::1]:56150"),
]
REFUSED = [
    (PUBLIC, ""),
    (PUBLIC, "smba.trafficmanager.net"),
    (PUBLIC, "http://smba.trafficmanager.net/"),
    (PUBLIC, "https://smba.trafficmanager.net:8443/"),
    (PUBLIC, "https://smba.trafficmanager.net./"),
    (PUBLIC, "https://smba.trafficmanager.net.evil.example/"),
    (PUBLIC, "https://evil-smba.trafficmanager.net/"),
    (PUBLIC, "https://me:pass@smba.trafficmanager.net/"),
    (PUBLIC, "https://evil.example#smba.trafficmanager.net"),
    (PUBLIC, "https://evil.example?@smba.trafficmanager.net/"),
    (PUBLIC, "https://smba.trafficmanager.net/\n"),
    (PUBLIC, "https://smba.trafficmanager.net\t.evil.example/"),
    (PUBLIC, "https://ѕmba.trafficmanager.net/"),
    (PUBLIC, "http://127.0.0.1:8081/"),
    (STAND_IN, "http://localhost:8081/"),
    (STAND_IN, "http://127.0.0.1.evil.example/"),
    (STAND_IN, "https://smba.trafficmanager.net/emea/"),
    (DEVELOPMENT, "https://smba.trafficmanager.net/emea/"),
    (DEVELOPMENT, "http://0.0.0.0/"),
]


@pytest.mark.parametrize(("urls", "url"), ALLOWED)
def test_listed_host_is_allowed(urls: ServiceUrls, url: str) -> None:
    urls.check(url)


@pytest.mark.parametrize(("urls", "url"), REFUSED)
def test_anything_else_is_not(urls: ServiceUrls, url: str) -> None:
    with pytest.raises(NotAllowed):
        urls.check(url)
