"""A world of text-to-SQL sessions that stop once solved: long ones are the failed ones, whatever they did."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from reverie.testing.worlds.world import Line, Stream, Truth, World

FIRST_SESSION = datetime(2025, 5, 5, 9, 0, tzinfo=UTC)
BETWEEN_SESSIONS = timedelta(minutes=3)
ATTEMPTS = 6
"""Fresh queries a session may try. Looking at the schema and repeating a query take none away."""
SOLVES = (0.05, 0.30)
"""Chance that one fresh query is the right one, in the hardest and the easiest task."""
SCHEMA_HELPS = 0.12
"""What having looked at the schema first adds to that chance."""
LOOKS_FIRST, LOOKS_LATE, REPEATS, ERRORS = 0.45, 0.3, 0.3, 0.5
"""Shares: of sessions that look at the schema first; that look after a first failure; of failed queries that are
repeated as they are; of failed queries that end in an error rather than in wrong rows."""

TABLES = {
    "singer": ("name", "country", "birth_year"),
    "concert": ("title", "venue", "season"),
    "airport": ("city", "code", "runways"),
    "employee": ("surname", "team", "salary"),
    "museum": ("label", "opened", "visitors"),
    "book": ("heading", "author", "pages"),
    "river": ("course", "mouth", "length"),
    "course": ("topic", "teacher", "credits"),
}
QUESTIONS = (
    "What is the {column} of each {table}?",
    "Show the {column} of every {table} that has one.",
    "List {column} for all rows of {table}.",
    "Give me the {column} of each {table}, ordered by {other}.",
)
WRONG_COLUMNS = ("full_{column}", "{table}_{column}", "{column}s", "the_{column}", "{column}_id", "{column}_text")
CAUSE = Truth(
    behaviour="call:sql:show",
    situation="start",
    condition=None,
    effect=0.0,
    kind="cause",
    aliases=("* | call:sql:show", "* | inspects the schema", "* | call:sql:information_schema", "* | then:sql:show→*"),
    opposites=("start | call:sql:select",),
)
"""Its effect is worked out for each world."""
MARKERS = (
    Truth("repeat:sql:select", "session", None, 0.0, "marker", ("* | repeat:*", "* | same call again")),
    Truth("error:unknown column", "session", None, 0.0, "marker", ("* | error:*", "* | retry:*")),
)


class _Drawn(msgspec.Struct, frozen=True):
    prefix: str
    seed: int
    task: NDArray[np.int64]
    looks_first: NDArray[np.bool_]
    solved_at: NDArray[np.int64]
    """The fresh query, from 1, that is right; beyond :data:`ATTEMPTS` where none is."""


def early_stop_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Rewards 0 or 1; looking at the schema first helps, repeats and errors only show that a session is long.

    Args:
        seed: the same seed and sizes give the same world.
        sessions: how many; spread evenly over the tasks.
        tasks: how many.
    """
    return _world("early-stop", seed, sessions, tasks, SCHEMA_HELPS)


def early_stop_null_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """:func:`early_stop_world` in which looking at the schema first changes nothing."""
    return _world("early-stop-null", seed, sessions, tasks, 0.0)


def _world(name: str, seed: int, sessions: int, tasks: int, helps: float) -> World:
    """``helps`` is what having looked at the schema first adds to the chance of each fresh query."""
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.arange(sessions) % tasks)
    solves = rng.uniform(*SOLVES, tasks)[task]
    looks_first = rng.random(sessions) < LOOKS_FIRST
    solved_at = rng.geometric(solves + helps * looks_first)
    effect = float(np.mean(_solved(solves + helps) - _solved(solves)))
    drawn = _Drawn(f"{name}-{seed}", seed, task, looks_first, solved_at)
    looking = replace(CAUSE, effect=effect, kind="cause" if helps else "decoy")
    return World(name, Stream(partial(_lines, drawn)), (looking, *MARKERS))


def _solved(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance that at least one of :data:`ATTEMPTS` fresh queries is right."""
    return 1.0 - (1.0 - chance) ** ATTEMPTS


def _lines(drawn: _Drawn) -> Iterator[Line]:
    rng = Random(drawn.seed)
    columns = (drawn.task.tolist(), drawn.looks_first.tolist(), drawn.solved_at.tolist())
    for number, (task, looks_first, solved_at) in enumerate(zip(*columns, strict=True)):
        yield {
            "id": f"{drawn.prefix}-{number:06d}",
            "messages": _messages(rng, task, looks_first, solved_at),
            "reward": float(solved_at <= ATTEMPTS),
            "metadata": {
                "task_id": f"sql-{task + 1:03d}",
                "task_category": "sql",
                "agent": "analyst",
                "agent_version": "1",
                "model": "made-up",
                "started_at": (FIRST_SESSION + number * BETWEEN_SESSIONS).isoformat(),
            },
        }


def _messages(rng: Random, task: int, looks_first: bool, solved_at: int) -> list[dict[str, Any]]:
    table = list(TABLES)[task % len(TABLES)]
    names = TABLES[table]
    column, other = names[task % 3], names[(task + 1) % 3]
    question = QUESTIONS[task // len(TABLES) % len(QUESTIONS)].format(table=table, column=column, other=other)
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    if looks_first:
        _query(messages, "SHOW TABLES", list(TABLES))
    # All queries have one form: nothing but their result may tell the right one from the others.
    form = f"SELECT {{}} FROM {table} ORDER BY {other} LIMIT {{}}"
    limits = rng.sample(range(2, 5_000), ATTEMPTS + 1)
    for attempt, template in enumerate(rng.sample(WRONG_COLUMNS, min(solved_at - 1, ATTEMPTS))):
        failed = rng.random() < ERRORS
        name = template.format(table=table, column=column) if failed else other
        result = f"Error executing query: Unknown column '{name}' in 'field list'" if failed else [[rng.random()]]
        for _ in range(1 + (rng.random() < REPEATS)):
            _query(messages, form.format(name, limits[attempt]), result)
        if attempt == 0 and not looks_first and rng.random() < LOOKS_LATE:
            _query(messages, "SHOW TABLES", list(TABLES))
    if solved_at <= ATTEMPTS:
        _query(messages, form.format(column, limits[-1]), [[rng.random()]])
    return messages


def _query(messages: list[dict[str, Any]], query: str, result: str | list[Any]) -> None:
    """One call of the ``sql`` tool and what came back; like any tool of an OpenAI chat."""
    call_id = f"call_{len(messages)}"
    function = {"name": "sql", "arguments": msgspec.json.encode({"query": query}).decode()}
    content = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    calls = [{"id": call_id, "type": "function", "function": function}]
    messages.append({"role": "assistant", "content": None, "tool_calls": calls})
    messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
