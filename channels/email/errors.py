"""What an SMTP server's refusal means for the message: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1

A server's own words may quote the address, and what it was told, so none of them goes any further; the code does.
"""

from __future__ import annotations

import aiosmtplib

from channels.contract import SendError

_OURS = (530, 534, 535, 538)
"""It is our log-in that is wrong (RFC 4954): nobody's mail is at fault, and an operator will mend it."""


def send_error_of(error: Exception, *, handed_in: bool) -> SendError:
    """`handed_in`: the mail itself was under way when it happened, so that no answer means that nobody knows."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        return _refused(max(codes, default=550))
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        return _refused(error.code)
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return SendError("the mail server does not offer what is needed, such as STARTTLS")
    if isinstance(error, aiosmtplib.SMTPConnectError) or not handed_in:
        return SendError(f"the mail server cannot be reached: {type(error).__name__}")
    return SendError(f"the mail server did not answer: {type(error).__name__}", uncertain=True)


def _refused(code: int) -> SendError:
    if code in _OURS:
        return SendError(f"the mail server does not take our log-in ({code}): see SMTP_URL")
    return SendError(f"the mail server refused the mail with {code}", permanent=code >= 500)
