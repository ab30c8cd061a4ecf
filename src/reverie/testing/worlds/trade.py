"""Worlds of other trades, made so that lessons can be followed in them: an agent with advice can be run in each.

A trade is a small decision process. A session opens with a request, a look-up that states a fact, a choice that pays or
costs by that fact, a call that fails, the move after it, an update that is refused by design, and the move after that.
Each decision is drawn, or made by whoever plays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from reverie.testing.worlds.world import Line, Stream, Truth, World

FIRST_SESSION = datetime(2025, 6, 2, 7, 0, tzinfo=UTC)
BETWEEN_SESSIONS = timedelta(minutes=11)
BOUNDS = (0.02, 0.98)


class Option(msgspec.Struct, frozen=True):
    """Something an agent may do at a moment: a call, or nothing where ``tool`` is empty."""

    tool: str
    share: float
    """How often it is drawn."""
    effect: float = 0.0
    """What it adds to the expected reward, where no fact decides."""
    arguments: Mapping[str, Any] = {}


class Trade(msgspec.Struct, frozen=True):
    """What one kind of agent meets, may do, and what pays."""

    name: str
    openings: Mapping[str, str]
    """By task category."""
    look_up: str
    field: str
    pays: Mapping[str, float]
    """Of the checking tool's call, by the value of the field that the look-up states: both signs."""
    check: str
    topics: Sequence[str]
    """What the check is about: the task's own, always."""
    work: str
    error: str
    """What the working call ends in, at times."""
    recoveries: Sequence[Option]
    update: str
    refusal: str
    """What the update ends in, always: it works only by what may follow."""
    repairs: Sequence[Option]
    weak: str
    """The category that does worse, whatever is done."""
    truths: tuple[Truth, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """Every tool that its agents have."""
        moves = (option.tool for option in (*self.recoveries, *self.repairs) if option.tool)
        return tuple(dict.fromkeys((self.look_up, self.check, self.work, self.update, *moves)))


class Seen(msgspec.Struct, frozen=True):
    """A decision to make: what the agent has seen, the newest last, and what it may do."""

    texts: tuple[str, ...]
    options: tuple[Option, ...]
    moment: str
    """``check``, ``error``, ``update`` or ``repair``."""
    tools: tuple[str, ...] = ()
    """Every tool that the agent has; most of them change nothing at this moment."""
    last: Mapping[str, Any] = {}
    """The arguments of its last call."""


Decide = Callable[[Seen, Random], Option]


class Episode(msgspec.Struct, frozen=True):
    """One session as it went."""

    messages: list[dict[str, Any]]
    expected: float
    """Reward, 0 to 1."""
    chosen: Mapping[str, Option]
    """By moment."""


def drawn(seen: Seen, rng: Random) -> Option:
    """The option that an agent without advice takes."""
    shares = [option.share for option in seen.options]
    return rng.choices(seen.options, shares)[0]


class _Session:
    """One session being played."""

    def __init__(self, trade: Trade, task: int, rng: Random, decide: Decide) -> None:
        self.trade, self.rng, self.decide = trade, rng, decide
        self.category = list(trade.openings)[task % len(trade.openings)]
        self.topic = trade.topics[task % len(trade.topics)]
        self.fact = list(trade.pays)[task // len(trade.openings) % len(trade.pays)]
        self.messages: list[dict[str, Any]] = [{"role": "user", "content": trade.openings[self.category]}]
        self.seen: list[str] = [trade.openings[self.category]]
        self.last: Mapping[str, Any] = {}
        self.chosen: dict[str, Option] = {}
        self.gain = 0.0

    def call(self, tool: str, arguments: Mapping[str, Any], result: Mapping[str, Any] | str) -> None:
        call_id = f"call_{len(self.messages)}"
        content = result if isinstance(result, str) else msgspec.json.encode(result).decode()
        function = {"name": tool, "arguments": msgspec.json.encode(arguments).decode()}
        calls = [{"id": call_id, "type": "function", "function": function}]
        self.messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
        self.seen.append(f"`{tool}` {content}")
        self.last = arguments

    def choose(self, moment: str, options: Sequence[Option]) -> Option:
        seen = Seen(tuple(self.seen), tuple(options), moment, self.trade.tools, self.last)
        option = self.decide(seen, self.rng)
        self.chosen[moment] = option
        self.gain += option.effect
        return option

    def reference(self) -> str:
        return f"{self.trade.name[:2].upper()}-{self.rng.randrange(10**6):06d}"


def play(trade: Trade, task: int, base: float, rng: Random, decide: Decide = drawn) -> Episode:
    """One session of a task whose expected reward is ``base`` before anything is done."""
    session = _Session(trade, task, rng, decide)
    reference = {"reference": session.reference()}
    session.call(trade.look_up, reference, {**reference, trade.field: session.fact})
    checks = [
        Option(trade.check, 0.5, trade.pays[session.fact], {"topic": session.topic}),
        Option("", 0.5),
    ]
    option = session.choose("check", checks)
    if option.tool:
        session.call(option.tool, option.arguments, {"text": f"Section {rng.randrange(9)} applies."})
    _work(session, reference)
    _update(session, reference)
    session.messages.append({"role": "assistant", "content": "That is all I can do on this one."})
    expected = base + session.gain - 0.15 * (session.category == trade.weak)
    return Episode(session.messages, float(np.clip(expected, *BOUNDS)), session.chosen)


def _work(session: _Session, reference: Mapping[str, Any]) -> None:
    given = {**reference, "step": session.rng.randrange(1000), "mode": "plain"}
    if session.rng.random() < 0.6:
        session.call(session.trade.work, given, session.trade.error)
        option = session.choose("error", session.trade.recoveries)
        if option.tool:
            changed = {**given, **option.arguments} if option.tool == session.trade.work else option.arguments
            session.call(option.tool, changed or reference, {"done": True})
    else:
        session.call(session.trade.work, given, {"done": True})
        session.gain += max(option.effect for option in session.trade.recoveries)  # as good as an error overcome


def _update(session: _Session, reference: Mapping[str, Any]) -> None:
    trade = session.trade
    if not session.choose("update", [Option(trade.update, 0.55), Option("", 0.45)]).tool:
        return
    session.call(trade.update, reference, trade.refusal)
    option = session.choose("repair", trade.repairs)
    if option.tool:
        session.call(option.tool, {**reference, **option.arguments}, {"done": True})


def bases(seed: int, tasks: int) -> list[float]:
    """The expected reward of each task before anything is done."""
    return [float(base) for base in np.random.default_rng(seed).uniform(0.15, 0.45, tasks)]


def trade_world(trade: Trade, seed: int, sessions: int, tasks: int) -> World:
    """``sessions`` of agents without advice."""
    return World(trade.name, Stream(partial(_lines, trade, seed, sessions, tasks)), trade.truths)


def _lines(trade: Trade, seed: int, sessions: int, tasks: int) -> Iterator[Line]:
    rng, base = Random(seed), bases(seed, tasks)
    for number in range(sessions):
        task = rng.randrange(tasks)
        episode = play(trade, task, base[task], rng)
        yield {
            "id": f"{trade.name}-{seed}-{number:06d}",
            "messages": episode.messages,
            "reward": float(rng.random() < episode.expected),
            "metadata": {
                "task_id": f"{trade.name}-{task:03d}",
                "task_category": list(trade.openings)[task % len(trade.openings)],
                "agent": trade.name,
                "agent_version": "1",
                "model": "made-up",
                "started_at": (FIRST_SESSION + number * BETWEEN_SESSIONS).isoformat(),
            },
        }


def with_truths(trade: Trade, error: str, refusal: str) -> Trade:
    """The trade with what is true in it; ``error`` and ``refusal`` are the classes of its two errors."""
    best = max(trade.recoveries, key=lambda option: option.effect)
    repair = max(trade.repairs, key=lambda option: option.effect)
    again = best.tool == trade.work
    if again:
        ((field, value),) = best.arguments.items()
        told = f"change:{best.tool}.{field}={value}"
    else:
        told = f"call:{best.tool}"
    truths = [
        _recovery(error, told, _advantage(trade.recoveries, best), again=again),
        _recovery(refusal, f"call:{repair.tool}", _advantage(trade.repairs, repair), again=False),
        *(_conditional(trade, value, size) for value, size in trade.pays.items()),
        Truth(f"call:{trade.update}", "session", None, 0.0, "mediated", (f"* | *{trade.update}*",)),
        Truth("arg:*", "session", None, 0.0, "setting", (f"* | arg:{trade.check}.*", f"* | args:{trade.check}.*")),
    ]
    return replace(trade, truths=tuple(truths))


def _advantage(options: Sequence[Option], best: Option) -> float:
    """What the best option adds to what the others add on average."""
    others = [option for option in options if option is not best]
    share = sum(option.share for option in others)
    return best.effect - sum(option.share * option.effect for option in others) / share


def _recovery(error: str, told: str, effect: float, *, again: bool) -> Truth:
    general = "same tool, changed input" if again else "other tool"
    return Truth(
        behaviour=told,
        situation=f"after error:{error}",
        condition=None,
        effect=effect,
        kind="cause",
        aliases=(
            *(f"after error* | {told}", f"after error* | {general}", f"* | {told}", "after error* | call:*"),
            *(f"after error* | {told.partition('=')[0]}", f"* | then:*→{told.partition(':')[2]}"),
        ),
        opposites=("after error* | *",),
        described=(f"after error:{error} | {told}",),
    )


def _conditional(trade: Trade, value: str, size: float) -> Truth:
    situation = f"seen {trade.look_up}.{trade.field}={value}"
    return Truth(
        behaviour=f"call:{trade.check}",
        situation=situation,
        condition=f"{trade.look_up}.{trade.field}={value}",
        effect=size,
        kind="flip",
        described=(f"{situation} | call:{trade.check}",),
    )
