"""The channel, against a real SMTP server on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from channels.contract import Content, Outbound, SendError
from channels.email import EmailChannel, Server, server_of
from sandbox.ports import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

FROM = "chat@hearthside.example.com"
MAIL = Outbound(id=1, address="alice@example.com", content=Content(text="Your code\n\n`K7QM-2XPD`"), language="en")


class Post:
    """What the server does with mail: it takes it, or answers what it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str], EmailMessage]] = []
        self.to_recipient = "250 OK"
        self.to_data = "250 OK"
        self.logged_in: list[str] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.to_data == "hang up":
            assert server.transport is not None
            server.transport.close()
            return "421 gone"
        if self.to_data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.taken.append((envelope.mail_from or "", list(envelope.rcpt_tos), mail))
        return self.to_data

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"shop", b"p@ss/word")
        self.logged_in.append("yes" if good else "no")
        return AuthResult(success=good, handled=False)


Start = Callable[..., Server]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def start(post: Post) -> Iterator[Start]:
    """`start(…)` starts the server and says where it is."""
    running: list[Controller] = []

    def start(**options: Any) -> Server:
        controller = Controller(post, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        return Server(host="127.0.0.1", port=controller.port, tls=False)

    yield start
    for controller in running:
        controller.stop()


async def fails(server: Server, mail: Outbound = MAIL) -> SendError:
    with pytest.raises(SendError) as failed:
        await EmailChannel(server=server, sender=FROM).send(mail)
    assert "alice" not in failed.value.reason
    assert "K7QM" not in failed.value.reason
    return failed.value


async def test_a_mail_arrives(post: Post, start: Start) -> None:
    sent = await EmailChannel(server=start(), sender=FROM).send(MAIL)

    [(sender, recipients, mail)] = post.taken
    assert (sender, recipients) == (FROM, ["alice@example.com"])
    assert sent.platform_ids == (mail["Message-ID"],)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "K7QM-2XPD" in body.get_content()


async def test_logging_in(post: Post, start: Start) -> None:
    there = start(auth_required=True, auth_require_tls=False, authenticator=post.log_in)
    server = server_of(f"smtp://shop:p%40ss%2Fword@127.0.0.1:{there.port}")
    await EmailChannel(server=server, sender=FROM).send(MAIL)

    assert (len(post.taken), post.logged_in) == (1, ["yes"])


async def test_a_log_in_that_is_refused_is_tried_again(post: Post, start: Start) -> None:
    there = start(auth_required=True, auth_require_tls=False, authenticator=post.log_in)
    server = server_of(f"smtp://shop:wrong@127.0.0.1:{there.port}")
    failed = await fails(server)

    assert (failed.permanent, failed.uncertain) == (False, False)
    assert "log-in" in failed.reason
    assert "wrong" not in failed.reason


@pytest.mark.parametrize(("answer", "permanent"), [("550 no such mailbox alice", True), ("451 try later", False)])
async def test_what_the_server_says_of_the_address_decides(
    post: Post, start: Start, answer: str, permanent: bool
) -> None:
    post.to_recipient = answer
    failed = await fails(start())

    assert (failed.permanent, failed.uncertain) == (permanent, False)


@pytest.mark.parametrize(("answer", "permanent"), [("554 spam", True), ("452 full", False)])
async def test_what_the_server_says_of_the_mail_decides(post: Post, start: Start, answer: str, permanent: bool) -> None:
    post.to_data = answer
    failed = await fails(start())

    assert (failed.permanent, failed.uncertain) == (permanent, False)


async def test_a_server_that_hangs_up_over_the_mail_may_have_it(post: Post, start: Start) -> None:
    post.to_data = "hang up"

    assert (await fails(start())).uncertain


async def test_a_server_that_is_away_is_tried_again() -> None:
    failed = await fails(Server(host="127.0.0.1", port=free_port(), tls=False))

    assert (failed.permanent, failed.uncertain) == (False, False)


async def test_without_tls_a_server_elsewhere_is_told_nothing(
    post: Post, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is elsewhere by its name alone."""
    monkeypatch.setattr(Server, "here", property(lambda _: False))
    failed = await fails(start())

    assert (failed.permanent, post.taken) == (False, [])


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    post: Post, start: Start, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "here", property(lambda _: False))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    failed = await fails(start(tls_context=context))

    assert (failed.permanent, failed.uncertain, post.taken) == (False, False, [])


def self_signed(folder: Any) -> Any:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server(host="mail.example.com", port=587, tls=False)),
        ("smtps://mail.example.com", Server(host="mail.example.com", port=465, tls=True)),
        (
            "smtps://a%40b:p%2F@mail.example.com:2465",
            Server(host="mail.example.com", port=2465, tls=True, user="a@b", password="p/"),
        ),
    ],
)
def test_the_setting_names_the_server(url: str, server: Server) -> None:
    assert server_of(url) == server


@pytest.mark.parametrize("url", ["", "mail.example.com", "http://x", "smtp://", "smtp://u:secret@h:port", "smtp://h/x"])
def test_a_setting_that_is_wrong_is_named_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL") as refused:
        server_of(url)
    assert "secret" not in str(refused.value)


def test_a_password_is_not_shown_by_accident() -> None:
    assert "p@ss" not in repr(server_of("smtp://shop:p%40ss@h"))
