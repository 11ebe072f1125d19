"""Ordinary Rasa bots in our bot's place, unchanged: on every channel, and with their people moving in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.journeys import stack
from sandbox.journeys.people import Phone, TelegramPhone
from sandbox.journeys.screens import Part
from sandbox.journeys.stack import CORE_PYTHON, ROOT, answers_200
from sandbox.journeys.town import Town, town
from sandbox.ports import free_port
from tests.database import fresh_postgres

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(2700),  # the first of a bot waits for its training
]

CHANNELS = ("telegram", "whatsapp", "teams", "webchat")
FORMS = ROOT / "tests/core/bots/forms"
CACHE = ROOT / ".cache" / "tests-bots"
RASA = CORE_PYTHON.with_name("rasa")
MODEST = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RASA_TELEMETRY_ENABLED": "false",
    # Batches are small: a second thread waits more than it works, and takes a core from other tests meanwhile.
    "OMP_NUM_THREADS": "1",
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "SANIC_HOST": "127.0.0.1",
}


@dataclass(frozen=True, kw_only=True)
class Bot:
    """A Rasa project with its trained model."""

    folder: Path

    def settings(self, actions: int) -> dict[str, str]:
        """What the product is told, to run this bot instead of ours."""
        return {
            "MODELS_DIR": str(self.folder / "models"),
            "ENDPOINTS": str(self.folder / "endpoints.yml"),
            "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{actions}/webhook",
        }


async def bot_of_rasa_init() -> Bot:
    """What `rasa init` makes and trains: DIET and TED, Rasa's own configuration, all of its epochs. Made once."""
    folder = CACHE / "init-3.6.21"
    if not any(folder.glob("models/*.tar.gz")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        await rasa("init", "--no-prompt", "--init-dir", str(folder), folder=ROOT)
    return Bot(folder=folder)


async def bot_with_forms() -> Bot:
    """With a form, its validation, custom actions; trained once for each state of its files."""
    total = hashlib.sha256()
    for path in sorted(path for path in FORMS.rglob("*") if path.suffix in (".yml", ".py")):
        total.update(path.read_bytes())
    folder = CACHE / f"forms-{total.hexdigest()[:16]}"
    if not any(folder.glob("models/*.tar.gz")):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(FORMS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        await rasa("train", folder=folder)
    return Bot(folder=folder)


async def rasa(*arguments: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(RASA), *arguments, cwd=folder, env={**os.environ, **MODEST}, stdin=asyncio.subprocess.DEVNULL
    )
    assert await asyncio.wait_for(process.wait(), 900) == 0


@asynccontextmanager
async def process(*command: str, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[None]:
    started = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **MODEST, **settings}, start_new_session=True
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.terminate()
        await asyncio.wait_for(started.wait(), 30)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The product with somebody else's bot."""

    town: Town
    bot: Bot


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """Rasa takes 50 seconds of CPU time to load a model of DIET and TED, and the machine may be busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "PATIENCE", 600.0)
        yield


# To load a model of DIET and TED is the dearest start of all, and what differs here is the bot: a database for each.
@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def begun(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    bot = await bot_of_rasa_init()
    nowhere = free_port()
    async with town(tmp_path_factory.mktemp("rasa-init"), bot.settings(nowhere)) as everybody:
        yield Place(town=everybody, bot=bot)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pizzeria(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> AsyncIterator[Place]:
    bot = await bot_with_forms()
    actions = free_port()
    settings = {**bot.settings(actions), "DATABASE_URL": await fresh_postgres(postgres_server)}
    async with town(tmp_path_factory.mktemp("pizzeria"), settings) as everybody:
        server = (str(CORE_PYTHON), "-m", "rasa_sdk", "--actions", "actions", "--port", str(actions))
        async with website() as site, process(*server, folder=bot.folder, settings={"PIZZERIA_URL": site}):
            await answers_200(f"http://127.0.0.1:{actions}/health")
            yield Place(town=everybody, bot=bot)


@asynccontextmanager
async def website() -> AsyncIterator[str]:
    """From where the platforms fetch the bot's pictures and files; its address."""
    app = web.Application()
    app.router.add_static("/", ROOT / "sandbox" / "static")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def shows(phone: Phone, *texts: str) -> None:
    """Wait until all of this is on the screen, in any order."""
    async with asyncio.timeout(60):
        while not all(any(text in part.text for part in phone.kept) for text in texts):
            phone.look()
            await asyncio.sleep(0.02)


async def one_with(phone: Phone, thing: str) -> Part:
    """The next that carries it; those before it are passed over."""
    async with asyncio.timeout(60):
        while True:
            phone.look()
            while phone.unread:
                part = phone.unread.pop(0)
                # On Teams a file is a link.
                if thing in (*part.carries, *part.options) or (thing == "a file" and "return-label" in str(part.raw)):
                    return part
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_bot_of_rasa_init(begun: Place, channel: str) -> None:
    async with begun.town.phone(channel, f"Alice on {channel}") as alice:
        await alice.say("hello there!")
        await alice.hears("Hey! How are you?")
        await alice.say("not good")
        # WhatsApp finds out late that there is no such picture any more; what stood beneath it is then said without.
        await shows(alice, "Here is something to cheer you up:", "Did that help you?")
        await alice.say("yes")
        await alice.hears("Great, carry on!")
        await alice.say("are you a bot?")
        await alice.hears("I am a bot, powered by Rasa.")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_form_with_validation_buttons_and_custom_actions(pizzeria: Place, channel: str) -> None:
    async with pizzeria.town.phone(channel, f"Bob on {channel}") as bob:
        await bob.say("hello")
        await bob.hears("pizzeria on Telegram!" if channel == "telegram" else "Welcome to the pizzeria!")
        await bob.say("I want a pizza")
        await bob.hears("Which size?")
        await bob.say("gigantic")
        await bob.hears("We do not bake that size.")
        await bob.tap(await bob.hears("Which size?"), "Large")
        await bob.tap(await bob.hears("Shall we bring it?"), "Bring it")
        await bob.hears("Where to?")
        await bob.say("12 Orchard Road")
        await bob.hears(f"One large pizza to 12 Orchard Road, ordered on {channel}.")
        await bob.hears("Thank you!")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_pictures_files_and_cards_of_a_custom_action(pizzeria: Place, channel: str) -> None:
    async with pizzeria.town.phone(channel, f"Carol on {channel}") as carol:
        await carol.say("show me the menu")
        await one_with(carol, "a picture")
        await one_with(carol, "a file")
        card = await one_with(carol, "Large, please")
        await carol.tap(card, "Large, please")
        await carol.hears("Which size?")


async def test_a_form_is_given_up_by_words(pizzeria: Place) -> None:
    async with pizzeria.town.phone("whatsapp", "Dave") as dave:
        await dave.say("one pizza please")
        await dave.hears("Which size?")
        await dave.say("forget it")
        await dave.hears("Another time, then.")


async def test_the_people_of_a_stock_rasa_move_in(pizzeria: Place, tmp_path: Path) -> None:
    """Erin orders from the bot while it still runs on stock Rasa, and pays no attention to its moving."""
    async with pizzeria.town.phone("telegram", "Erin") as erin:
        assert isinstance(erin, TelegramPhone)
        async with stock_rasa(pizzeria, tmp_path) as url:
            assert await told(url, erin.user.id, "I want a pizza") == ["Which size?"]
            assert await told(url, erin.user.id, "large") == ["Shall we bring it?"]
        said = await import_rasa(pizzeria, f"sqlite:///{tmp_path}/rasa.db")
        assert "1 moved in" in said
        await erin.say("bring it")
        await erin.hears("Where to?")
        await erin.say("12 Orchard Road")
        await erin.hears("One large pizza to 12 Orchard Road, ordered on telegram.")


@asynccontextmanager
async def stock_rasa(place: Place, folder: Path) -> AsyncIterator[str]:
    """`rasa run`, with its SQL tracker store and its REST channel; its address."""
    port = free_port()
    actions = place.bot.settings(0)
    endpoints = folder / "endpoints.yml"
    actions_url = place.town.stack.environment["ACTION_ENDPOINT_URL"]
    endpoints.write_text(
        f"action_endpoint:\n  url: {actions_url}\n"
        f"tracker_store:\n  type: SQL\n  dialect: sqlite\n  db: {folder}/rasa.db\n"
    )
    credentials = folder / "credentials.yml"
    credentials.write_text("rest:\n")
    command = (str(RASA), "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port))
    files = ("--model", actions["MODELS_DIR"], "--endpoints", str(endpoints), "--credentials", str(credentials))
    async with process(*command, *files, folder=place.bot.folder, settings={}):
        url = f"http://127.0.0.1:{port}"
        await answers_200(f"{url}/status")
        yield url


async def told(url: str, sender: int, words: str) -> list[Any]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/webhooks/rest/webhook", json={"sender": str(sender), "message": words}) as answer,
    ):
        return [message.get("text") for message in await answer.json()]


async def import_rasa(place: Place, url: str) -> str:
    importing = await asyncio.create_subprocess_exec(
        *(str(ROOT / ".venv/bin/throughline"), "import-rasa", url),
        *("--channel", "telegram", "--input-channel", "rest"),
        cwd=ROOT,
        env={**os.environ, **place.town.stack.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await importing.communicate()
    assert importing.returncode == 0
    return " ".join(said.decode().split())
