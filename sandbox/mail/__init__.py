"""A mail server on loopback and the mailboxes behind it, as a provider of outgoing mail has one."""

from .page import MailPage
from .server import Letter, MailServer, Refusals

__all__ = ["Letter", "MailPage", "MailServer", "Refusals"]
