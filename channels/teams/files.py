"""Fetching what customers sent: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4"""

from __future__ import annotations

from channels.contract import FetchError, SendError

from .attachments import Place, place
from .errors import no_file
from .login import Login
from .service_urls import NotAllowed, ServiceUrls
from .wire import NoAnswer, TooLarge, Wire


class Files:
    """`login` is None in development: there is no token then."""

    def __init__(self, *, service_urls: ServiceUrls, login: Login | None, wire: Wire) -> None:
        self._service_urls = service_urls
        self._login = login
        self._wire = wire

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        """Raises FetchError and nothing else. Where the token goes, it goes to a host of TEAMS_SERVICE_HOSTS."""
        where = place(ref)
        if where is None:
            raise FetchError("this is no file of Teams'", permanent=True)
        try:
            self._service_urls.check_file(where.url, token=where.token)
            return await self._download(where, limit)
        except NotAllowed as problem:
            raise FetchError(str(problem), permanent=True) from None
        except SendError as error:
            raise FetchError(error.reason, retry_after=error.retry_after) from None
        except NoAnswer as error:
            raise FetchError(f"the file cannot be fetched: {error.reason}") from None
        except TooLarge:
            raise FetchError(f"the file is larger than {limit} bytes", too_large=True) from None

    async def _download(self, where: Place, limit: int) -> bytes:
        token = await self._login.token() if self._login and where.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._wire.download(where.url, headers, limit=limit)
        if self._login and token and answer.status == 401:
            self._login.forget(token)
        if problem := no_file(answer, token=where.token):
            raise problem
        return answer.body
