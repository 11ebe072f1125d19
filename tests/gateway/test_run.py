"""The ports of what `throughline run` starts."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from bot.gateway.run import Ports, programs
from bot.gateway.settings import load_settings
from sandbox.ports import free_port


def mail_port(ports: Ports) -> int | None:
    """Where the sandbox is told to take mail, and the gateway to hand it in."""
    told = {program.name: program.environment for program in programs(load_settings(_env_file=None), ports)}
    assert told["sandbox"]["SMTP_URL"] == told["gateway"]["SMTP_URL"]
    return urlsplit(told["sandbox"]["SMTP_URL"]).port


def test_mail_has_a_port_that_nothing_else_of_ours_will_listen_on() -> None:
    sandbox = free_port()
    ports = Ports(gateway=sandbox + 1, actions=sandbox + 2, sandbox=sandbox)
    with socket.socket() as another:
        another.bind(("127.0.0.1", sandbox + 3))
        assert mail_port(ports) == sandbox + 4


def test_after_the_last_port_come_the_first() -> None:
    port = mail_port(Ports(gateway=8080, actions=1024, sandbox=65535))
    assert port is not None
    assert 1024 < port < 8080
