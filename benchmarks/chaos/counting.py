"""What became of every message: from what people said and were acknowledged, from what reached their phones, and from
what the database says in the end. Pure.

What reached a phone is the truth about what was said twice, to whom and in what order; the database only says which
reply it was. Every message holds a number of its own, which its answer repeats, so that a wrong address shows without
the database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

ANSWERED = frozenset({"done", "failed", "refused"})
"""States of a message that has had its turn; `failed` had an apology."""
OVER = frozenset({"sent", "failed", "uncertain"})
"""States of a reply that nobody will send any more by themselves."""
LINKED = "linked"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody did once. `mark`: what it is known by in the database, the number in it or `linked`."""

    phone: str
    mark: str
    acknowledged: bool
    """Their platform, or their browser, was told that we have it."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message of the bot's that a vendor's server took, or a browser showed. In order for each phone."""

    phone: str
    id: str
    """The platform's."""
    text: str
    mark: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of `messages`."""

    id: int
    conversation: str
    seq: int
    direction: str
    author: str
    channel: str
    address: str
    state: str
    cause: int | None = None
    ids: tuple[str, ...] = ()
    """The platform's."""
    text: str = ""
    mark: str | None = None
    uncertain_since: datetime | None = None
    """When it was marked as one that may have arrived or not."""

    @property
    def place(self) -> tuple[str, str]:
        return self.channel, self.address


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A `user` event: the dialogue took something in. In any order."""

    conversation: str
    seq: int
    message: int | None
    mark: str | None


@dataclass(kw_only=True)
class Counts:
    """What is wrong, a line of evidence each; no line holds what anybody said. Below, what is not wrong but worth
    knowing."""

    messages: int = 0
    lost: list[str] = field(default_factory=list)
    doubled_turns: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)
    misrouted: list[str] = field(default_factory=list)
    repeated_replies: list[str] = field(default_factory=list)
    repeated_unmarked: list[str] = field(default_factory=list)

    unacknowledged: int = 0
    """Messages that were never taken: nobody promised anything."""
    replies: int = 0
    apologies: int = 0
    uncertain: int = 0
    """Replies whose sending had an unknown outcome."""
    unheard: int = 0
    """Of these, the ones that had not arrived."""
    failed: int = 0


def count(said: Sequence[Said], taken: Sequence[Taken], rows: Sequence[Row], heard: Sequence[Heard]) -> Counts:
    """Everything, compared with everything."""
    phones = _phones(said, rows)
    matched = list(_matched(taken, rows, phones))
    arrived = {one.row.id for one in matched if one.row is not None}
    replies = [row for row in rows if row.direction == "out"]
    return Counts(
        messages=sum(1 for one in said if one.mark != LINKED),
        lost=[*_lost_messages(said, rows, phones), *_unfinished(rows, arrived, phones)],
        doubled_turns=list(_doubled(said, rows, heard, phones)),
        misordered=[*_out_of_order(matched), *_turns_out_of_order(rows, heard)],
        misrouted=list(_misrouted(said, rows, matched)),
        repeated_replies=[_told(one) for one in matched if one.repeated],
        repeated_unmarked=[_told(one) for one in matched if one.repeated and not one.was_marked],
        unacknowledged=sum(1 for one in said if not one.acknowledged),
        replies=len(replies),
        apologies=sum(1 for row in rows if row.direction == "in" and row.state == "failed"),
        uncertain=sum(1 for row in replies if row.state == "uncertain"),
        unheard=sum(1 for row in replies if row.state == "uncertain" and row.id not in arrived),
        failed=sum(1 for row in replies if row.state == "failed"),
    )


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Something on a phone, and the reply that it is: none of this phone's, if there is no `row`."""

    taken: Taken
    row: Row | None
    repeated: bool = False

    @property
    def was_marked(self) -> bool:
        """Whether, when it came again, it had been marked as one that may have arrived."""
        since = self.row.uncertain_since if self.row else None
        return since is not None and since <= self.taken.at


def _phones(said: Iterable[Said], rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """Whose phone each address is, by the numbers that came from there."""
    speakers = {one.mark: one.phone for one in said if one.mark != LINKED}
    return {
        row.place: speakers[row.mark] for row in rows if row.direction == "in" and row.mark and row.mark in speakers
    }


def _inbound(rows: Iterable[Row], phones: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], list[Row]]:
    """The customers' messages, by phone and mark."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.direction == "in" and row.author == "customer" and row.mark:
            found[phones.get(row.place, ""), row.mark].append(row)
    return found


def _lost_messages(said: Iterable[Said], rows: Sequence[Row], phones: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Acknowledged, and not there."""
    inbound = _inbound(rows, phones)
    for one in said:
        if one.acknowledged and not inbound.get((one.phone, one.mark)):
            yield f"{one.mark} of {one.phone} was acknowledged and is not in the database"


def _unfinished(rows: Sequence[Row], arrived: set[int], phones: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """There, and without its turn, its replies, or their end. What the product says meanwhile is no reply."""
    causes = {row.cause for row in rows if row.direction == "out" and row.author != "product"}
    for row in rows:
        if row.direction == "in" and row.author == "customer":
            if row.state not in ANSWERED:
                yield f"message {row.id} is still {row.state}"
            elif row.id not in causes:
                yield f"message {row.id} is {row.state} and has no reply"
        elif row.direction == "out" and row.state not in OVER:
            yield f"reply {row.id} is still {row.state}"
        elif row.direction == "out" and row.state == "sent" and row.place in phones and row.id not in arrived:
            yield f"reply {row.id} to {phones[row.place]} counts as sent and never arrived"


def _doubled(
    said: Iterable[Said], rows: Sequence[Row], heard: Iterable[Heard], phones: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """One thing that somebody did, taken in by the dialogue more than once, by the message or by its number."""
    inbound = _inbound(rows, phones)
    turns = Counter[int | str | None]()
    for event in heard:
        turns[event.message] += 1
        turns[event.mark] += 1
    for one in said:
        found = inbound.get((one.phone, one.mark), [])
        times = max((turns[row.id] for row in found), default=0)
        if one.mark != LINKED:
            times = max(times, turns[one.mark])
        if len(found) > 1 or times > 1:
            yield f"{one.mark} of {one.phone} is {len(found)} messages and had {times} turns"


def _out_of_order(matched: Iterable[Matched]) -> Iterator[str]:
    """Replies that came to an address after one that was to come later. What is repeated is counted elsewhere."""
    newest: dict[str, int] = {}
    for one in matched:
        if one.row is None or one.repeated:
            continue
        if one.row.id < newest.get(one.taken.phone, 0):
            yield f"reply {one.row.id} came to {one.taken.phone} after reply {newest[one.taken.phone]}"
        newest[one.taken.phone] = max(newest.get(one.taken.phone, 0), one.row.id)


def _turns_out_of_order(rows: Sequence[Row], heard: Iterable[Heard]) -> Iterator[str]:
    """The dialogue took messages in, or answered them, not in the order in which they were accepted."""
    by_id = {row.id: row for row in rows}
    taken_in = [(event.conversation, event.seq, event.message) for event in heard]
    answered = [
        (row.conversation, row.seq, row.cause) for row in rows if row.direction == "out" and row.author == "bot"
    ]
    for steps, what in ((taken_in, "was taken in"), (answered, "was answered")):
        newest: dict[str, int] = {}
        for conversation, _, message in sorted(steps, key=lambda step: step[:2]):
            cause = by_id.get(message) if message is not None else None
            if cause is None or cause.conversation != conversation:
                continue
            if cause.seq < newest.get(conversation, 0):
                yield f"message {cause.id} {what} after a later one of its conversation"
            newest[conversation] = max(newest.get(conversation, 0), cause.seq)


def _misrouted(said: Iterable[Said], rows: Sequence[Row], matched: Iterable[Matched]) -> Iterator[str]:
    speakers = {one.mark: one.phone for one in said if one.mark != LINKED}
    by_id = {row.id: row for row in rows}
    for one in matched:
        if one.taken.mark is not None and speakers.get(one.taken.mark) != one.taken.phone:
            yield f"the answer to {one.taken.mark} came to {one.taken.phone}"
        elif one.row is None:
            yield f"{one.taken.id} came to {one.taken.phone} and is no reply to anything from there"
    for row in rows:
        cause = by_id.get(row.cause) if row.cause is not None else None
        if row.direction == "out" and cause is not None and cause.place != row.place:
            yield f"reply {row.id} goes elsewhere than message {cause.id} came from"


def _matched(taken: Iterable[Taken], rows: Iterable[Row], phones: Mapping[tuple[str, str], str]) -> Iterator[Matched]:
    replies: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        if row.direction == "out" and row.place in phones:
            replies[phones[row.place]].append(row)
    shown: dict[str, list[Taken]] = defaultdict(list)
    for one in taken:
        shown[one.phone].append(one)
    for phone, messages in shown.items():
        yield from _matched_on(messages, replies[phone])


def _matched_on(taken: Sequence[Taken], replies: Sequence[Row]) -> Iterator[Matched]:
    """Which reply each message on one phone is: by the platform's id where we were told it, else by its words. Of
    several replies in the same words it is the next one that has not arrived; if all have, one came again."""
    by_id = {platform_id: row for row in replies for platform_id in row.ids}
    told = {by_id[one.id].id for one in taken if one.id in by_id}
    seen, newest = set[str](), 0
    for one in taken:
        row = by_id.get(one.id)
        repeated = one.id in seen
        if row is None:
            row, repeated = _by_words(one, replies, told, newest)
        if row is not None:
            told.add(row.id)
            newest = max(newest, row.id)
        seen.add(one.id)
        yield Matched(taken=one, row=row, repeated=repeated)


def _by_words(taken: Taken, replies: Sequence[Row], told: set[int], newest: int) -> tuple[Row | None, bool]:
    alike = [row for row in replies if _letters(row.text) == _letters(taken.text)]
    open_ones = [row for row in alike if row.id not in told]
    if open_ones:
        return next((row for row in open_ones if row.id > newest), open_ones[0]), False
    before = [row for row in alike if row.id <= newest]
    again = before or alike
    return (again[-1] if again else None), bool(again)


def _letters(text: str) -> str:
    """The words without what a channel makes of their formatting."""
    return "".join(filter(str.isalnum, text)).casefold()


def _told(one: Matched) -> str:
    return f"reply {one.row.id if one.row else '?'} came to {one.taken.phone} again"
