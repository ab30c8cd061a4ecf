"""A world of a team: a coordinator calls in a researcher and a writer, and what it tells the writer decides.

Its true causes are what a brief says and whether work is done twice. Long briefs are written for hard tasks and change
nothing. In some sessions a member errs; who it was is known here and stands nowhere in the session.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from reverie.testing.worlds.desk_choices import (
    CATEGORIES,
    Chance,
    Columns,
    Numbers,
    Planted,
    always,
    draw_columns,
    expected_reward,
    true_effects,
)
from reverie.testing.worlds.world import Line, Stream, Truth, World

FIRST_SESSION = datetime(2025, 9, 1, 8, 0, tzinfo=UTC)
BETWEEN_SESSIONS = timedelta(minutes=9)
COORDINATOR, RESEARCHER, WRITER = "coordinator", "researcher", "writer"
FAMILIES = ("markets", "weather", "transport", "health")
SENTENCES: Mapping[str, str] = {
    "done": "It is done when each figure has its source, and I will check that.",
    "format": "Answer as a table.",
    "long": "Do not use press releases, avoid estimates, and spend at most twenty minutes on it.",
}
"""What may be said in the brief to the writer beside the task itself, by choice."""
CHANCES: Mapping[str, Chance] = {
    "done": always(0.45),
    "format": always(0.4),
    "long": Chance(0.9, 0.1),
    "twice": always(0.4),
    "tested": always(0.5),
    "cites": always(0.5),
}
"""``twice``: the writer looks up what the researcher has; ``tested``: it tests its page; ``cites``: a report does."""
PLANTED = (
    Planted(
        "done", "always", 0.15, "cause", "delegating writer", "brief:writer done", aliases=("* | brief:writer done",)
    ),
    Planted(
        choice="twice",
        moment="always",
        size=-0.16,
        kind="cause",
        situation="session",
        behaviour="repeats another thread:search_sources",
        aliases=("* | repeats another thread:search_sources", "* | repeat:search_sources"),
    ),
)
BYSTANDERS = (
    Truth("brief:writer constraints", "delegating writer", None, 0.0, "decoy", ("* | brief:* constraints",)),
    Truth("brief:writer limits", "delegating writer", None, 0.0, "decoy", ("* | brief:* limits",)),
    Truth("brief:writer format", "delegating writer", None, 0.0, "decoy", ("* | brief:* format",)),
    Truth(
        "verified before report:writer", "reporting writer", None, 0.0, "decoy", ("* | verified*", "* | *run_tests*")
    ),
)
ERRED = {"erred": -0.25}
BASE = (0.42, 0.68)
"""Expected reward, before effects, of the hardest and the easiest task."""
CULPRITS: Mapping[str, float] = {"": 0.6, RESEARCHER: 0.18, WRITER: 0.12, COORDINATOR: 0.1}
"""Who errs, and how often; nobody where it is empty."""
FAULTS: Mapping[str, float] = {"figure": 0.6, "silent": 0.4}
"""How somebody errs: states a figure that nothing gave, or does the wrong thing, which shows nowhere."""
_HARMLESS = 0.12
"""How often a figure that nothing gave, or a call that fails and is made again, does no harm."""
_EASE_SHAPE = 0.8


class TeamSession(msgspec.Struct, frozen=True):
    """What is settled of a session before it is put into words."""

    number: int
    task: int
    did: Mapping[str, bool]
    culprit: str
    fault: str

    @property
    def family(self) -> str:
        """Its task category."""
        return FAMILIES[self.task % len(FAMILIES)]

    @property
    def source(self) -> str:
        """The file that the task is about."""
        return f"data/{self.family}-{self.task // len(FAMILIES) + 1:02d}.csv"


class _Drawn(msgspec.Struct, frozen=True):
    prefix: str
    seed: int
    task: NDArray[np.int64]
    base: Numbers
    columns: Columns
    culprit: NDArray[np.str_]
    fault: NDArray[np.str_]
    rewards: Numbers

    def sessions(self) -> Iterator[tuple[TeamSession, float]]:
        """Each session with its reward."""
        for i in range(len(self.task)):
            did = {name: bool(self.columns[name][i]) for name in CHANCES}
            one = TeamSession(i, int(self.task[i]), did, str(self.culprit[i]), str(self.fault[i]))
            yield one, float(self.rewards[i])


def team_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """Saying when it is done helps, looking up again what the researcher has found harms; all else changes nothing."""
    return _world("team", PLANTED, ERRED, seed, sessions, tasks)


def null_team_world(seed: int, sessions: int = 2_000, tasks: int = 100) -> World:
    """:func:`team_world` with the same behaviours, but the outcome depends on the task alone."""
    return _world("team-null", (), {}, seed, sessions, tasks)


def team_failures(seed: int, sessions: int = 2_000, tasks: int = 100) -> Iterator[tuple[Line, str]]:
    """Failed sessions of :func:`team_world` in which somebody erred, each with who it was."""
    drawn = _draw("team", PLANTED, ERRED, seed, sessions, tasks)
    for (session, reward), line in zip(drawn.sessions(), _lines(drawn), strict=True):
        if session.culprit and not reward:
            yield line, session.culprit


def realised(
    seed: int, choose: Callable[[Random, Mapping[str, bool]], Mapping[str, bool]], sessions: int = 2_000
) -> float:
    """Mean expected reward that agents gain which change what was drawn for them into what ``choose`` gives."""
    drawn = _draw("team", PLANTED, ERRED, seed, sessions, 100)
    rng, names = Random(seed), list(CHANCES)
    chosen = [choose(rng, {name: bool(drawn.columns[name][i]) for name in names}) for i in range(sessions)]
    columns = {**drawn.columns, **{name: np.array([did[name] for did in chosen], np.bool_) for name in names}}
    before, after = (expected_reward(drawn.base, each, PLANTED, ERRED) for each in (drawn.columns, columns))
    return float((after - before).mean())


def _world(
    name: str, planted: tuple[Planted, ...], trouble: Mapping[str, float], seed: int, sessions: int, tasks: int
) -> World:
    drawn = _draw(name, planted, trouble, seed, sessions, tasks)
    truths = true_effects(drawn.base, drawn.columns, planted, trouble)
    return World(name, Stream(partial(_lines, drawn)), (*truths, *BYSTANDERS), "reverie")


def _draw(
    name: str, planted: tuple[Planted, ...], trouble: Mapping[str, float], seed: int, sessions: int, tasks: int
) -> _Drawn:
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.arange(sessions) % tasks)
    ease = rng.beta(_EASE_SHAPE, _EASE_SHAPE, tasks)[task]
    base = BASE[0] + (BASE[1] - BASE[0]) * ease
    culprit = rng.choice(list(CULPRITS), sessions, p=list(CULPRITS.values()))
    fault = rng.choice(list(FAULTS), sessions, p=list(FAULTS.values()))
    columns = draw_columns(rng, task % len(CATEGORIES), ease, CHANCES) | {"erred": culprit != ""}
    rewards = (rng.random(sessions) < expected_reward(base, columns, planted, trouble)).astype(np.float64)
    return _Drawn(f"{name}-{seed}", seed, task, base, columns, culprit, fault, rewards)


def _lines(drawn: _Drawn) -> Iterator[Line]:
    rng = Random(drawn.seed)
    for session, reward in drawn.sessions():
        script = _Script(rng, session)
        script.play()
        began = FIRST_SESSION + session.number * BETWEEN_SESSIONS
        yield {
            "session": {
                "id": f"{drawn.prefix}-{session.number:06d}",
                "source": "chat",
                "agent": COORDINATOR,
                "agent_version": "1",
                "model": "made-up",
                "task_id": f"{session.family}-{session.task:03d}",
                "task_category": session.family,
                "started_at": began.isoformat(),
            },
            "events": script.events,
            "scores": [{"metric": "reward", "value": reward}],
        }


class _Script:
    """Writes one session's events."""

    def __init__(self, rng: Random, session: TeamSession) -> None:
        self.rng, self.session = rng, session
        self.figure, self.wrong = (str(rng.randrange(1_000, 9_999)) for _ in range(2))
        self.line = rng.randrange(10, 99)
        self.threads = {RESEARCHER: f"sthr_{session.number:06d}r", WRITER: f"sthr_{session.number:06d}w"}
        self.events: list[dict[str, Any]] = []

    def play(self) -> None:
        """The whole session."""
        source = self.session.source
        self.add("user.message", None, f"Write a page on {self.session.family} from `{source}`.")
        self.hand_to(RESEARCHER, f"Find the figure of this quarter in `{source}`.")
        self.research()
        self.hand_to(WRITER, self.brief(f"Write the page on {self.session.family} from `{source}`."))
        self.write()
        self.add("agent.message", None, "The page is written.")

    def add(self, kind: str, thread: str | None, text: str | None = None, **payload: Any) -> None:
        content = {} if text is None else {"content": [{"type": "text", "text": text}]}
        self.events.append({"type": kind, "payload": content | payload, "thread_id": thread})

    def call(self, agent: str, tool: str, text: str, *, error: bool = False, **given: str) -> None:
        thread = self.threads.get(agent)
        self.add("agent.tool_use", thread, name=tool, input=given)
        self.add("agent.tool_result", thread, text, name=tool, is_error=error)

    def hand_to(self, agent: str, brief: str) -> None:
        thread = self.threads[agent]
        self.add("agent.tool_use", None, name="create_agent", input={"agent": agent})
        self.add("session.thread_created", thread, session_thread_id=thread, agent_name=agent)
        self.add("agent.thread_message_sent", None, brief, to_session_thread_id=thread, to_agent_name=agent)
        self.add("agent.thread_message_received", thread, brief, from_session_thread_id="sthr_main")
        self.add("agent.tool_result", None, "It has begun.", name="create_agent")

    def report(self, agent: str, text: str) -> None:
        thread = self.threads[agent]
        self.add("agent.message", thread, text)
        self.add("agent.thread_message_sent", thread, text, to_session_thread_id="sthr_main")
        self.add("agent.thread_message_received", None, text, from_session_thread_id=thread, from_agent_name=agent)

    def errs(self, agent: str, fault: str) -> bool:
        return (self.session.culprit, self.session.fault) == (agent, fault)

    def stumbles(self, agent: str, tool: str, **given: str) -> None:
        """Now and then a call fails; whoever made it makes it again."""
        if self.rng.random() < _HARMLESS:
            self.call(agent, tool, "Error: timeout", error=True, **given)

    def search(self, agent: str) -> None:
        query = self.session.source
        self.call(agent, "search_sources", f"{query}, line {self.line}: {self.figure}", query=query)

    def research(self) -> None:
        self.stumbles(RESEARCHER, "search_sources", query=self.session.source)
        self.search(RESEARCHER)
        wrong = self.errs(RESEARCHER, "figure")
        told = [f"The figure is {self.wrong}." if wrong else "I have found it."]
        if self.session.did["cites"]:
            told.append(f"It stands in line {self.line}.")
        self.report(RESEARCHER, " ".join(told))

    def brief(self, task: str) -> str:
        """The task, then what else is said of it."""
        said = [task, *(text for choice, text in SENTENCES.items() if self.session.did[choice])]
        if self.errs(COORDINATOR, "figure"):
            said.append(f"The figure is {self.wrong}.")
        return " ".join(said)

    def write(self) -> None:
        if self.session.did["twice"]:
            self.search(WRITER)
        page = f"pages/{self.session.family}.md"
        self.stumbles(WRITER, "write_file", path=page)
        self.call(WRITER, "write_file", "saved", path=page)
        if self.session.did["tested"]:
            self.call(WRITER, "run_tests", "4 passed", page=page)
        told = [f"The page says {self.wrong}."] if self.errs(WRITER, "figure") else ["The page is there."]
        if self.rng.random() < _HARMLESS:
            told.append(f"It took {self.rng.randrange(11, 59)} seconds.")
        self.report(WRITER, " ".join(told))
