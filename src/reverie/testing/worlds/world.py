"""The record of a planted world, and how it is written to a file."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from reverie.digests.behaviour_name import read_name, read_situation, write_label

Line = dict[str, Any]
"""One session, mostly of the ``chat`` import format: ``id``, ``messages``, ``reward`` unless missing, ``metadata``."""

TruthKind = Literal["cause", "flip", "drift", "decoy", "marker", "shadow", "mediated", "setting"]
"""``cause``: changes the reward; ``flip``: a cause whose sign depends on a condition; ``drift``: a cause that works no
longer, in the second half of the sessions; ``decoy``: goes with the reward only because tasks or variants differ;
``marker``: follows trouble; ``shadow``: goes with a cause; ``mediated``: pays only by a later choice; ``setting``: a
value that the task determines."""

PLANTED_KINDS = ("cause", "flip")
"""The kinds a dream should find; adopting one of the others is a mistake."""


class Truth(msgspec.Struct, frozen=True):
    """What is really so about one behaviour, in the words of the digest."""

    behaviour: str
    situation: str
    condition: str | None
    """What the effect depends on, for a flip."""
    effect: float
    """Mean difference in the expected reward (0 to 1) that doing it makes to the sessions in the situation."""
    kind: TruthKind
    aliases: tuple[str, ...] = ()
    """Findings that amount to this one, as shell patterns over ``situation | behaviour``."""
    opposites: tuple[str, ...] = ()
    """Findings that amount to this one with the sign turned: what is done instead of it."""
    described: tuple[str, ...] = ()
    """The best descriptions, as shell patterns; empty where descriptions are not marked."""
    task_family: str | None = None
    """The task category it is true in; None where it is true in all."""


class Stream:
    """Lines made afresh, and alike, each time they are iterated over."""

    def __init__(self, make: Callable[[], Iterator[Line]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Line]:
        return self._make()


class World(msgspec.Struct, frozen=True):
    """Sessions and the truth about them."""

    name: str
    lines: Iterable[Line]
    truths: tuple[Truth, ...]
    format: str = "chat"
    """Of the lines, as ``reverie import --format`` calls it."""


def finding(situation: str, behaviour: str) -> str:
    """How a lesson names what it is about: ``situation | behaviour``, or the behaviour alone anywhere in a session."""
    return write_label(read_situation(situation), read_name(behaviour))


def write_world(world: World, path: Path) -> int:
    """Write the sessions as JSON Lines, gzip-compressed when ``path`` ends in ``.gz``; returns how many.

    Raises:
        OSError: the file cannot be written.
    """
    encoder = msgspec.json.Encoder()
    count = 0
    # Without name and time in its header, the same world gives the same file.
    with path.open("wb") as raw:
        target = gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
        for line in world.lines:
            target.write(encoder.encode(line) + b"\n")
            count += 1
        target.close()
    return count
