"""The command `throughline`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from bot.gateway import agents, merges, stuck, unread, unsticking
from bot.gateway.app import build_app
from bot.gateway.backup import back_up
from bot.gateway.copying import copy_database
from bot.gateway.desk.access.sessions import ROLES
from bot.gateway.desk.access.staff import CAPACITY
from bot.gateway.desk.access.teams import ANSWER_WITHIN, ASSIGNMENTS
from bot.gateway.doctor import examine, healthy, report
from bot.gateway.logs import configure_logging
from bot.gateway.operations import NEEDED, app_package, set_webhook
from bot.gateway.replay import replay
from bot.gateway.restored import restored
from bot.gateway.run import CORE_PYTHON, CannotRun, run
from bot.gateway.serving import serve
from bot.gateway.settings import Settings, SettingsError, load_settings
from bot.gateway.starting import migrate
from bot.gateway.tracing import TracesMissing
from bot.store.lines import Style

Command = Callable[[argparse.Namespace, Settings], int]

_INTERRUPTED = 130
"""As shells have it for Ctrl-C."""

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
    """What `add_subparsers` gives; argparse has no public name for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.command(chosen, load_settings()))
    except SettingsError as error:
        print(f"throughline: these settings cannot work:\n{error}", file=sys.stderr)
    except CannotRun as error:
        print(f"throughline: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="throughline", description="One customer, one conversation, on every channel.", epilog="See README.md."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_starting(commands)
    _add_looking(commands)
    _add_stuck(commands)
    _add_keeping(commands)
    _add_merges(commands)
    _add_desk(commands)
    _add_channels(commands)
    _add_moving_in(commands)
    return parser


def _add_starting(commands: Commands) -> None:
    starts = _add(commands, "run", _run, "start gateway, core worker, action server and sandbox on this machine")
    starts.add_argument("--no-sandbox", action="store_true", help="without the sandbox: for real channels only")
    _add(commands, "gateway", _gateway, "start the gateway alone")
    _add(commands, "migrate", _migrate, "create or update the database's tables")
    journeys = _add(
        commands,
        "journeys",
        _journeys,
        "play test conversations over several channels on the real product",
        "It is started for them, with the sandbox and with databases of its own.",
    )
    journeys.add_argument("files", nargs="*", metavar="FILE", help="*.journey, or folders with such (tests/journeys)")
    journeys.add_argument("--list", action="store_true", help="only say which there are")
    journeys.add_argument("--keep", metavar="FOLDER", help="leave the databases and logs in this new folder")
    journeys.add_argument("--grammar", action="store_true", help="only say what a line can be")


def _add_looking(commands: Commands) -> None:
    doctor = _add(commands, "doctor", _doctor, "show what is on, what is off and why")
    doctor.add_argument(
        "--online",
        action="store_true",
        help="also ask each channel's platform whether the token works and whether its webhook leads here",
    )
    looks = _add(commands, "unread", _unread, "list the webhooks that could not be read and were kept")
    looks.add_argument("--show", type=int, metavar="N", help="write the body of number N, as it came, to the output")
    replays = _add(
        commands,
        "replay",
        _replay,
        "send a captured webhook to the running gateway, as its platform would",
        "The body is signed with the secrets of the settings. Harmless: a message that was taken before is not taken "
        "again. For Teams, TEAMS_DEVELOPMENT has to be on, here and at the gateway: only Microsoft can sign.",
    )
    replays.add_argument("channel", choices=sorted(NEEDED), metavar="CHANNEL", help=f"one of {', '.join(NEEDED)}")
    replays.add_argument("file", metavar="FILE", help="the body, byte for byte; - for the input")
    replays.add_argument("--url", help="the gateway's address (default: this machine, at PORT)")


def _add_stuck(commands: Commands) -> None:
    looks = _add(
        commands,
        "stuck",
        _stuck,
        "list what waits too long, and why; try it again, or give it up",
        "Shows ids, channels, reasons and ages: no words and no addresses. The exit status is 1 where something is "
        "stuck.",
    )
    looks.add_argument(
        "--over", type=float, default=10.0, metavar="SECONDS", help="what has waited longer (default: %(default)g)"
    )
    looks.add_argument(
        "--since", type=float, default=24.0, metavar="HOURS", help="what was given up within (default: %(default)g)"
    )
    looks.add_argument("--json", action="store_true", help="for a program")
    does = looks.add_subparsers(title="commands", metavar="COMMAND")
    again = _add(
        does,
        "retry",
        _retry,
        "have a turn that was given up taken after all, or a message that was not sent sent again",
        "A turn is taken at the end of its conversation's queue, and answers that message.",
    )
    again.add_argument("--even-uncertain", action="store_true", help="though the customer may have it already")
    parks = _add(
        does,
        "park",
        _park,
        "give a message up that holds up its conversation",
        "The customer gets the apology that a turn gets which fails again and again.",
    )
    parks.add_argument("--silently", action="store_true", help="without an apology")
    for one in (again, parks):
        one.add_argument("message", type=int, metavar="ID", help="as `throughline stuck` lists it")


def _add_keeping(commands: Commands) -> None:
    backs_up = _add(
        commands,
        "backup",
        _backup,
        "write a SQLite database into a file, while it is used",
        "The file is checked, and a gateway can be started with it. For PostgreSQL, and for what else to keep: "
        "docs/backup.md.",
    )
    backs_up.add_argument("file", type=Path, metavar="FILE", help="a new one")
    _add(
        commands,
        "restored",
        _restored,
        "do what is needed once to a database that was brought back from a backup",
        "Before the product is started: what may have been sent since the backup was made is marked, and not sent "
        "again by itself, and numbers that were given since are not given again. See docs/backup.md.",
    )
    copies = _add(
        commands,
        "copy-database",
        _copy_database,
        "copy everything into another, empty database: from SQLite to PostgreSQL",
        "Stop the product first. Both are addresses as DATABASE_URL has them. A password is best left to PGPASSWORD or "
        "~/.pgpass, where other users of this machine cannot see it. Customers' files stay where they are.",
    )
    copies.add_argument("source", metavar="FROM", help="such as sqlite:///var/throughline.db; nothing in it is changed")
    copies.add_argument("target", metavar="TO", help="such as postgresql://user@host/throughline")


def _add_merges(commands: Commands) -> None:
    looks = _add(commands, "merges", _merges, "list the customers that turned out to be one")
    which = looks.add_mutually_exclusive_group()
    which.add_argument("--conversation", metavar="ID", help="only those that this conversation is part of")
    which.add_argument("--identity", metavar="CHANNEL:ID", help="only those that this person is part of")
    undoes = _add(
        commands,
        "unmerge",
        _unmerge,
        "separate two customers who were put together",
        "It is done by the core worker, after all that was said before, and both are told. Each has again what was "
        "said on their channels, and nothing of the other.",
    )
    undoes.add_argument("merge", type=int, metavar="ID", help="as `throughline merges` lists it")


def _add_desk(commands: Commands) -> None:
    of_agents = _group(commands, "agents", "commands for the people who work at the desk")
    adds = _add(of_agents, "add", _add_agent, "let somebody in", "The password is asked for.")
    adds.add_argument("login", metavar="LOGIN", help="what they type to log in")
    adds.add_argument("--name", help="as customers and colleagues see it (default: the login)")
    adds.add_argument("--role", choices=ROLES, default="agent", help="default: %(default)s")
    adds.add_argument("--team", action="append", default=[], metavar="TEAM", help="may be given again, as those below")
    adds.add_argument("--language", action="append", default=[], metavar="en", help="that they write (default: any)")
    adds.add_argument("--topic", action="append", default=[], help="that they know of (default: any)")
    adds.add_argument("--capacity", type=_capacity, default=CAPACITY, help="conversations at a time (%(default)s)")
    sets = _add(
        of_agents, "password", _set_password, "give somebody a new password", "All their sessions are over then."
    )
    sets.add_argument("login", metavar="LOGIN")
    sets.add_argument("--without-code", action="store_true", help="and switch their second factor off: it is lost")
    for one in (adds, sets):
        one.add_argument("--password-stdin", action="store_true", help="read the password from the input")
    _add(of_agents, "list", _list_agents, "list the agents")
    for name, command, what in (
        ("disable", _disable_agent, "let somebody in no more"),
        ("enable", _enable_agent, "let somebody in again"),
    ):
        _add(of_agents, name, command, what).add_argument("login", metavar="LOGIN")
    of_teams = _group(of_agents, "teams", "commands for the teams in which they work")
    begins = _add(
        of_teams,
        "add",
        _add_team,
        "add a team",
        'Hours are JSON: {"timezone": "Europe/London", "weekly": {"mon": [["09:00", "18:00"]]}, '
        '"closed": ["2026-12-25"]}, or {"timezone": "Europe/London", "always": true}, which they are by default.',
    )
    begins.add_argument("name", metavar="NAME")
    begins.add_argument(
        "--topic", action="append", default=[], help="what is sent to it (default: what no other takes)"
    )
    begins.add_argument("--hours", metavar="JSON", help="or a file that holds it")
    begins.add_argument(
        "--answer-within", type=int, default=ANSWER_WITHIN, metavar="SECONDS", help="default: %(default)s"
    )
    begins.add_argument("--assignment", choices=ASSIGNMENTS, default="automatic", help="default: %(default)s")
    _add(of_teams, "list", _list_teams, "list the teams")


def _capacity(text: str) -> int:
    if not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError("must be a number from 0 to 100")
    return int(text)


def _add_channels(commands: Commands) -> None:
    telegram = _group(commands, "telegram", "commands for the channel Telegram")
    _add(telegram, "set-webhook", _set_telegram_webhook, "tell Telegram to deliver to the gateway at PUBLIC_URL")
    teams = _group(commands, "teams", "commands for the channel Teams")
    manifest = _add(
        teams,
        "manifest",
        _teams_manifest,
        "write the app package that is uploaded to Teams",
        "The package is for the bot of TEAMS_APP_ID. Teams shows everybody what is given here.",
    )
    manifest.add_argument(
        "--output", type=Path, default=Path("teams-app.zip"), metavar="FILE.zip", help="default: %(default)s"
    )
    manifest.add_argument("--name", default="Customer service", help="of the bot, 30 characters (default: %(default)s)")
    manifest.add_argument("--developer", help="the company, 32 characters (default: the website's host)")
    manifest.add_argument("--website", metavar="URL", help="default: the first of WEBCHAT_ORIGINS, else PUBLIC_URL")
    manifest.add_argument("--privacy", metavar="URL", help="the page about privacy (default: the website)")
    manifest.add_argument("--terms", metavar="URL", help="the terms of use (default: the website)")


def _add_moving_in(commands: Commands) -> None:
    moves = _add(
        commands,
        "import-rasa",
        _import_rasa,
        "let the people of a stock Rasa bot move in, with their conversations",
        "Reads the table `events` of Rasa's SQLTrackerStore, and changes nothing in it. It can be ended and started "
        "again at any time. See docs/existing-bots.md.",
    )
    moves.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="the old bot's database, such as sqlite:///rasa.db or postgresql://user:password@host/rasa; or set "
        "RASA_DATABASE_URL, which other users of this machine cannot see",
    )
    moves.add_argument(
        "--channel", required=True, choices=["teams", "telegram", "whatsapp"], help="whose people move in"
    )
    moves.add_argument(
        "--input-channel",
        metavar="NAME",
        help="Rasa's name of the connector by which they came, if it is not Rasa's own",
    )
    moves.add_argument(
        "--user", metavar="REGEX", help="matches a sender id that tells who it is; its first group is the user's id"
    )
    moves.add_argument("--dry-run", action="store_true", help="only say what would become of them")


def _add(commands: Commands, name: str, command: Command, what: str, more: str = "") -> argparse.ArgumentParser:
    """`what` is shown in the list of commands, and by the command's own --help with `more`."""
    description = f"{what[0].upper()}{what[1:]}. {more}".rstrip()
    parser = commands.add_parser(name, help=what, description=description)
    parser.set_defaults(command=command)
    return parser


def _group(commands: Commands, name: str, what: str) -> Commands:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    async def prepared() -> int:
        await migrate(settings.database_url)
        return await run(settings, sandbox=not chosen.no_sandbox)

    return asyncio.run(prepared())


def _gateway(_chosen: argparse.Namespace, settings: Settings) -> int:
    configure_logging(Style(settings.log_format, settings.log_level))
    asyncio.run(_serve(settings), loop_factory=uvloop.new_event_loop)
    return 0


async def _serve(settings: Settings) -> None:
    try:
        app = build_app(settings)
        await serve(app, host=settings.host, port=settings.port, delay=settings.shutdown_delay)
    except TracesMissing as error:
        raise CannotRun(str(error)) from None


def _migrate(_chosen: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(migrate(settings.database_url))
    print("The database is up to date.")
    return 0


def _journeys(chosen: argparse.Namespace, _settings: Settings) -> int:
    # In a process of its own: the product does not know the sandbox.
    options = ["--list"] * chosen.list + ["--grammar"] * chosen.grammar
    options += ["--keep", chosen.keep] if chosen.keep else []
    return subprocess.call([sys.executable, "-m", "sandbox.journeys", *options, "--", *chosen.files])  # noqa: S603


def _import_rasa(chosen: argparse.Namespace, settings: Settings) -> int:
    if not CORE_PYTHON.exists():
        raise CannotRun("Rasa's environment is missing. Run `make setup`, from the project's root.")
    # In a process of its own: only Rasa can say what is an event of Rasa's.
    options = ["--channel", chosen.channel, *["--dry-run"] * chosen.dry_run]
    options += [f"--input-channel={chosen.input_channel}"] if chosen.input_channel else []
    options += [f"--user={chosen.user}"] if chosen.user else []
    told = {"DATABASE_URL": settings.database_url, **({"RASA_DATABASE_URL": chosen.url} if chosen.url else {})}
    return subprocess.call([str(CORE_PYTHON), "-m", "bot.core.move_in", *options], env={**os.environ, **told})  # noqa: S603


def _doctor(chosen: argparse.Namespace, settings: Settings) -> int:
    findings = asyncio.run(examine(settings, online=chosen.online))
    print(report(findings))
    return 0 if healthy(findings) else 1


def _unread(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.show is None:
        print(unread.listed(asyncio.run(unread.kept(settings))))
        return 0
    # The very bytes: a signature is made over them when they are replayed.
    sys.stdout.buffer.write(asyncio.run(unread.body_of(settings, chosen.show)))
    sys.stdout.buffer.flush()
    return 0


def _stuck(chosen: argparse.Namespace, settings: Settings) -> int:
    found = asyncio.run(stuck.look(settings, over=timedelta(seconds=chosen.over), since=timedelta(hours=chosen.since)))
    print(json.dumps(stuck.as_json(found), indent=2) if chosen.json else stuck.listed(found))
    return 1 if found else 0


def _retry(chosen: argparse.Namespace, settings: Settings) -> int:
    print(asyncio.run(unsticking.retry(settings, chosen.message, even_uncertain=chosen.even_uncertain)))
    return 0


def _park(chosen: argparse.Namespace, settings: Settings) -> int:
    print(asyncio.run(unsticking.park(settings, chosen.message, silently=chosen.silently)))
    return 0


def _backup(chosen: argparse.Namespace, settings: Settings) -> int:
    size = back_up(settings, chosen.file)
    print(
        f"{chosen.file}: {size:,} bytes, checked. Customers' files stand in {settings.media_dir}: copy them after it."
    )
    return 0


def _restored(_chosen: argparse.Namespace, settings: Settings) -> int:
    done = asyncio.run(restored(settings))
    print(f"Messages are numbered from {done.next_id} on. The product can be started.")
    if done.uncertain:
        print(f"{done.uncertain} of them may have been sent after the backup was made: `throughline stuck` lists them.")
    return 0


def _copy_database(chosen: argparse.Namespace, _settings: Settings) -> int:
    asyncio.run(copy_database(chosen.source, chosen.target, print))
    return 0


def _merges(chosen: argparse.Namespace, settings: Settings) -> int:
    found = asyncio.run(merges.known(settings, conversation=chosen.conversation, identity=chosen.identity))
    print(merges.listed(found))
    return 0


def _unmerge(chosen: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(merges.unmerge(settings, chosen.merge))
    print(f"Merge {chosen.merge} is undone as soon as all that was said before has been answered.")
    return 0


def _add_agent(chosen: argparse.Namespace, settings: Settings) -> int:
    wanted = agents.Wanted(
        login=chosen.login,
        name=chosen.name,
        role=chosen.role,
        teams=chosen.team,
        languages=chosen.language,
        topics=chosen.topic,
        capacity=chosen.capacity,
    )
    asyncio.run(agents.add(settings, wanted, agents.ask_password(from_input=chosen.password_stdin)))
    print(f"{chosen.login} may log in at /desk, as {chosen.role}.")
    return 0


def _set_password(chosen: argparse.Namespace, settings: Settings) -> int:
    password = agents.ask_password(from_input=chosen.password_stdin)
    asyncio.run(agents.set_password(settings, chosen.login, password, without_code=chosen.without_code))
    print(f"{chosen.login} has a new password, and is logged in nowhere.")
    return 0


def _disable_agent(chosen: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(agents.disable(settings, chosen.login))
    print(f"{chosen.login} is let in no more. What they have in hand goes back to the queue.")
    return 0


def _enable_agent(chosen: argparse.Namespace, settings: Settings) -> int:
    asyncio.run(agents.enable(settings, chosen.login))
    print(f"{chosen.login} may log in again.")
    return 0


def _list_agents(_chosen: argparse.Namespace, settings: Settings) -> int:
    print(agents.listed(asyncio.run(agents.known_agents(settings))))
    return 0


def _add_team(chosen: argparse.Namespace, settings: Settings) -> int:
    if not 10 <= chosen.answer_within <= 86_400:
        raise CannotRun("--answer-within must be from 10 to 86400 seconds.")
    values = {"topics": chosen.topic, "answer_within": chosen.answer_within, "assignment": chosen.assignment}
    asyncio.run(agents.new_team(settings, agents.WantedTeam(name=chosen.name, hours=chosen.hours, values=values)))
    print(f"There is a team {chosen.name} now. `throughline agents add … --team` puts somebody into it.")
    return 0


def _list_teams(_chosen: argparse.Namespace, settings: Settings) -> int:
    print(agents.listed_teams(asyncio.run(agents.known_teams(settings))))
    return 0


def _replay(chosen: argparse.Namespace, settings: Settings) -> int:
    url = chosen.url or f"http://127.0.0.1:{settings.port}"
    answered = asyncio.run(replay(settings, chosen.channel, _body(chosen.file), url))
    print(answered)
    return 0 if answered.taken else 1


def _body(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CannotRun(f"{name} cannot be read: {error.strerror}.") from None


def _set_telegram_webhook(_chosen: argparse.Namespace, settings: Settings) -> int:
    url = asyncio.run(set_webhook(settings, "telegram"))
    print(f"Telegram delivers to {url} from now on, with the secret of TELEGRAM_SECRET_TOKEN.")
    return 0


def _teams_manifest(chosen: argparse.Namespace, settings: Settings) -> int:
    package = app_package(
        settings,
        "teams",
        title=chosen.name,
        developer=chosen.developer,
        website=chosen.website,
        privacy=chosen.privacy,
        terms=chosen.terms,
    )
    try:
        chosen.output.write_bytes(package)
    except OSError as error:
        raise CannotRun(f"{chosen.output} cannot be written: {error.strerror}.") from None
    print(f"{chosen.output} is for the bot {settings.teams_app_id}. Upload it at https://admin.teams.microsoft.com.")
    return 0
