"""Feeding Rasa's event broker, the one that endpoints.yml names under `event_broker`, after the commits.

Any broker of Rasa's own (`pika`, `kafka`, `sql`, `file`) or a class, as Rasa's documentation has it:
https://rasa.com/docs/rasa/event-brokers. A turn does not wait for it and does not fail with it. Within a conversation
every event is published in order and at least once: after a crash or a failure the last ones may come again, with the
same (sender_id, seq).

Rasa's brokers block, for minutes some of them, so the feed is a thread with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import rasa.shared.core.events  # noqa: F401  # Rasa's broker for Kafka needs it and does not import it
from pamqp.commands import Basic
from rasa.core.brokers.broker import EventBroker
from rasa.core.brokers.kafka import KafkaEventBroker
from rasa.core.brokers.pika import PikaEventBroker
from rasa.utils.endpoints import EndpointConfig, read_endpoint_config
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import feed
from bot.core.feed import Behind
from bot.core.logs import described, get_logger
from bot.core.turn import Json
from bot.store.database import connect, reading, transaction

_log = get_logger()

LEASE = timedelta(seconds=60)
_LOOK_EVERY = 0.25
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
# For what a broker does in the background to be done.
_SETTLED_WITHIN = 30.0
# How long the end of the process waits for what is being published.
_GRACE = 5.0

# Where Rasa's brokers log what they could not publish and go on.
_SWALLOWING = "rasa.core.brokers"


class BrokerFailed(Exception):
    """Something was not published, or nobody knows."""


class NoQueue(BrokerFailed):
    """RabbitMQ took an event and had no queue to put it into."""


@asynccontextmanager
async def feeding(database: URL, endpoints: Path, feeder: str) -> AsyncIterator[bool]:
    """Feed the broker meanwhile, if `endpoints` names one; whether it does. `feeder`: this worker's name."""
    config = _config(endpoints)
    if config is None:
        yield False
        return
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(database, config, feeder, stop), name="event broker", daemon=True)
    thread.start()
    try:
        yield True
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, _GRACE)


def _config(endpoints: Path) -> EndpointConfig | None:
    return read_endpoint_config(str(endpoints), "event_broker") if endpoints.exists() else None


def _run(database: URL, config: EndpointConfig, feeder: str, stop: threading.Event) -> None:
    async def work() -> None:
        engine = connect(database, pool_size=1)
        publisher = Publisher(config)
        try:
            await Feed(engine, publisher, feeder, stop).run()
        finally:
            await publisher.close()
            await engine.dispose()

    asyncio.run(work())


class Feed:
    """Publishes what is unpublished, a few events of one conversation at a time."""

    def __init__(self, engine: AsyncEngine, publisher: Publisher, feeder: str, stop: threading.Event) -> None:
        self._engine = engine
        self._publisher = publisher
        self._feeder = feeder
        self._stop = stop
        self._wait = _FIRST_WAIT

    async def run(self) -> None:
        """Until `stop` is set. Whatever fails, the database too, is tried again later."""
        while not self._stop.is_set():
            try:
                busy = await self.once()
            except Exception as error:
                reason = str(error) if isinstance(error, BrokerFailed) else None
                _log.warning("broker.behind", retry_in=self._wait, reason=reason, **described(error))
                await self._rest(self._wait)
                self._wait = min(2 * self._wait, _LONGEST_WAIT)
            else:
                if not busy:
                    await self._rest(_LOOK_EVERY)

    async def once(self) -> bool:
        """Publish one conversation's next events; whether there were any."""
        behind = await self._claim()
        if behind is None:
            return False
        try:
            published = await self._publish(behind)
        except Exception:
            async with transaction(self._engine) as connection:
                await feed.put_off(connection, behind, _now() + timedelta(seconds=self._wait))
            raise
        async with transaction(self._engine) as connection:
            await feed.advance(connection, behind, published, _now())
        self._wait = _FIRST_WAIT
        return True

    async def _claim(self) -> Behind | None:
        now = _now()
        async with reading(self._engine) as connection:
            if not await feed.anything_behind(connection, now):
                return None
        async with transaction(self._engine) as connection:
            return await feed.claim_behind(connection, self._feeder, now, LEASE)

    async def _publish(self, behind: Behind) -> list[int]:
        async with reading(self._engine) as connection:
            found = await feed.read_unpublished(connection, behind)
        for seq in (seq for seq, event in found if event is None):
            _log.error("event.unpublishable", conversation=behind.conversation, seq=seq)
        bodies = [feed.body_of(behind.conversation, seq, event) for seq, event in found if event is not None]
        if bodies:
            await self._publisher.publish(bodies)
        return [seq for seq, _ in found]

    async def _rest(self, seconds: float) -> None:
        await asyncio.to_thread(self._stop.wait, seconds)


class RabbitMQ(PikaEventBroker):
    """Rasa's own, which tells of whatever did not arrive: we keep that ourselves, and try again."""

    async def _publish(self, event: Json, headers: dict[str, str] | None = None) -> None:
        """Raises NoQueue where the event was given back: the exchange is there, and no queue is bound to it, as after
        somebody deleted the queue, or for a moment after a restart. https://www.rabbitmq.com/docs/publishers#unroutable"""
        if self._exchange is None:
            raise BrokerFailed("the broker is not connected")
        answer = await self._exchange.publish(self._message(event, headers), "")
        if not isinstance(answer, Basic.Ack):
            raise NoQueue("RabbitMQ has no queue for the events")


class Publisher:
    """One of Rasa's event brokers, made when first needed, of which it is known what has arrived."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._broker: EventBroker | None = None

    async def publish(self, bodies: Sequence[Json]) -> None:
        """Publish in this order, and wait until the broker has them. Raises BrokerFailed, and whatever it raises."""
        broker = await self._made()
        if not broker.is_ready():
            raise BrokerFailed("the broker is not connected")
        with _noting() as swallowed:
            if isinstance(broker, KafkaEventBroker) and broker.producer is None:
                broker.publish(bodies[0])  # it only connects, if that fails: nobody is told whether it was published
            others = asyncio.all_tasks()
            for body in bodies:
                broker.publish(body)
            try:
                await _settled(broker, asyncio.all_tasks() - others)
            except NoQueue:
                await self.close()  # the next one declares its queue
                raise
        if swallowed.any:
            raise BrokerFailed("the broker went on after an error")

    async def close(self) -> None:
        """Harmless to repeat."""
        if self._broker is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._broker.close(), _GRACE)
        self._broker = None

    async def _made(self) -> EventBroker:
        if self._broker is None:
            self._broker = await _create(self._config)
        if self._broker is None:
            raise BrokerFailed("endpoints.yml: there is no event broker of this type")
        return self._broker


async def _create(config: EndpointConfig) -> EventBroker | None:
    loop = asyncio.get_running_loop()
    if config.type is None or config.type.lower() == "pika":  # without a type it is this one, as Rasa has it
        return await RabbitMQ.from_endpoint_config(config, loop)
    return await EventBroker.create(config, loop)


async def _settled(broker: EventBroker, begun: set[asyncio.Task[None]]) -> None:
    """Until what the broker does in the background is done: RabbitMQ's tasks, Kafka's queue."""
    await asyncio.wait_for(asyncio.gather(*begun), _SETTLED_WITHIN)
    if isinstance(broker, KafkaEventBroker) and (
        broker.producer is None or await asyncio.to_thread(broker.producer.flush, _SETTLED_WITHIN)
    ):
        raise BrokerFailed("Kafka has not taken everything")


class _Swallowed(logging.Handler):
    """Notes the errors that Rasa's brokers log and go on after."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.any = False

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`, in whichever thread."""
        self.any = True


@contextmanager
def _noting() -> Iterator[_Swallowed]:
    noted, logger = _Swallowed(), logging.getLogger(_SWALLOWING)
    logger.addHandler(noted)
    try:
        yield noted
    finally:
        logger.removeHandler(noted)


def _now() -> datetime:
    return datetime.now(timezone.utc)
