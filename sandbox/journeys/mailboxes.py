"""What comes by mail while a journey is played, and what of it somebody has read."""

from __future__ import annotations

from sandbox.mail import Letter, MailServer

from .screens import code_in


class Mailboxes:
    """Everybody's, empty when the journey begins."""

    def __init__(self, server: MailServer) -> None:
        server.throw_away()
        self._server = server
        self._opened: list[Letter] = []

    def unopened(self) -> list[Letter]:
        """What nobody has read, oldest first."""
        return [letter for letter in self._server.letters if letter not in self._opened]

    def open_next(self, address: str) -> Letter | None:
        """The oldest that was not read yet."""
        letter = next((one for one in self.unopened() if one.to == address), None)
        self._opened += [letter] if letter else []
        return letter

    def newest_code(self, address: str) -> str | None:
        """Reads everything. The same code may be asked for again."""
        while self.open_next(address):
            pass
        codes = (code_in(letter.text) for letter in reversed(self._opened) if letter.to == address)
        return next(filter(None, codes), None)
