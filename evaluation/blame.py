"""Failure attribution against people's labels (Who&When: Zhang et al. 2025) or planted culprits, beside simple rules.

An attributor sees the question and the conversation; the labels are read here, to mark it, and nowhere else. One rule
is allowed to read them, as a bar to clear: whoever is blamed most often in all other failures.
"""

import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evaluation.measures import PairedDifference, paired_difference, wilson
from reverie.digests.tool_error import tool_failed
from reverie.mining.attribution import agent_of, attribute_failure
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Transcript
from reverie.testing.worlds.team import team_failures

TERMINAL = "Computer_terminal"
"""Runs the agents' code, or stands for what no agent did; nobody's fault."""
MAJORITY = "most blamed elsewhere (sees labels)"
_ACTED = frozenset({"agent.message", "agent.tool_use", "agent.thread_message_sent"})
_SUCCEEDED = "exitcode: 0"


class LabelledFailure(msgspec.Struct, frozen=True):
    """A failed conversation and where people say it went wrong."""

    transcript: Transcript
    speakers: tuple[str, ...]
    agent: str
    step: int | None
    """Position in the conversation, from 0; None where only the agent is known."""


class BlameRow(msgspec.Struct, frozen=True):
    """How often a rule names the guilty agent and the very step."""

    rule: str
    failures: int
    agents: int
    agent_interval: tuple[float, float]
    steps: int | None
    """None where only agents are known."""
    step_interval: tuple[float, float]
    agent_gain: PairedDifference
    """Our rule minus this one."""
    step_gain: PairedDifference


Rule = Callable[[LabelledFailure], int]
"""From a failure (the labels unread) to the position of the blamed step."""


def read_failures(archive: Path) -> Iterator[LabelledFailure]:
    """The labelled failures of an archive of JSON files.

    Raises:
        OSError, tarfile.TarError: the archive cannot be read.
        msgspec.DecodeError: a file in it is not what is expected.
    """
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.name.endswith(".json") else None
            if content is not None:
                yield _labelled(member.name, msgspec.json.decode(content.read(), type=dict[str, Any]))


def _labelled(name: str, row: dict[str, Any]) -> LabelledFailure:
    messages = [{"role": "user", "content": row["question"]}]
    # The first turn hands the task and the manager's plan to the agents: it is what they were told.
    messages += [_message(turn, told=position == 0) for position, turn in enumerate(row["history"])]
    line = msgspec.json.encode({"id": Path(name).stem, "messages": messages})
    return LabelledFailure(
        transcript=parse_record(RawRecord(name, 1, "chat", line, {}), {}),
        speakers=tuple(turn["name"] for turn in row["history"]),
        agent=row["mistake_agent"],
        step=int(row["mistake_step"]),
    )


def _message(turn: dict[str, Any], *, told: bool) -> dict[str, Any]:
    content = turn["content"]
    if told:
        return {"role": "user", "content": content}
    if turn["name"] == TERMINAL:
        failed = content.startswith("exitcode:") and not content.startswith(_SUCCEEDED)
        return {"role": "tool", "content": content, "is_error": failed}
    return {"role": "assistant", "name": turn["name"], "content": content}


def our_rule(failure: LabelledFailure) -> int:
    """First unfounded figure or failed step."""
    blamed = attribute_failure(failure.transcript)
    return blamed.sequence - 1 if blamed else 0


def first_error(failure: LabelledFailure) -> int:
    """The step whose code failed first, else the last agent's."""
    for sequence, event in enumerate(failure.transcript.events):
        if event.type == "agent.tool_result" and tool_failed(event):
            return max((i for i in _agent_steps(failure) if i < sequence - 1), default=0)
    return last_agent(failure)


def last_agent(failure: LabelledFailure) -> int:
    """The last step an agent took."""
    return max(_agent_steps(failure), default=0)


def _agent_steps(failure: LabelledFailure) -> list[int]:
    return [i for i, speaker in enumerate(failure.speakers) if speaker != TERMINAL]


def most_active(failure: LabelledFailure) -> int:
    """The first step of whoever took most of them."""
    acted = [failure.speakers[i] for i in _agent_steps(failure)]
    return failure.speakers.index(Counter(acted).most_common(1)[0][0]) if acted else 0


RULES: dict[str, Rule] = {
    "reverie": our_rule,
    "first error": first_error,
    "most active agent": most_active,
    "last agent": last_agent,
}


def _majority(failures: Sequence[LabelledFailure], position: int) -> int:
    """The first step of whoever the other failures are blamed on most often, of those who took part in this one."""
    blamed = Counter(each.agent for i, each in enumerate(failures) if i != position)
    speakers = failures[position].speakers
    ranked = sorted({speakers[i] for i in _agent_steps(failures[position])}, key=lambda each: (-blamed[each], each))
    return speakers.index(ranked[0]) if ranked else 0


def planted_failures(seed: int, sessions: int = 2_000) -> Iterator[LabelledFailure]:
    """Failed sessions of the planted team in which a member erred; nobody knows at which step."""
    for number, (line, culprit) in enumerate(team_failures(seed, sessions), start=1):
        read = parse_record(RawRecord("team", number, "reverie", msgspec.json.encode(line), {}), {})
        told = [agent_of(read, event.thread_id) if event.type in _ACTED else TERMINAL for event in read.events]
        yield LabelledFailure(read, tuple(told[1:]), culprit, None)


def judge_rules(failures: list[LabelledFailure]) -> list[BlameRow]:
    """Every rule on the same failures.

    Raises:
        ValueError: there are none.
    """
    marks = {name: [_mark(failure, rule(failure)) for failure in failures] for name, rule in RULES.items()}
    marks[MAJORITY] = [_mark(failure, _majority(failures, i)) for i, failure in enumerate(failures)]
    ours = marks["reverie"]
    return [_row(name, mine, ours) for name, mine in marks.items()]


def _mark(failure: LabelledFailure, step: int) -> tuple[bool, bool]:
    return failure.speakers[step] == failure.agent, step == failure.step


def _row(name: str, mine: list[tuple[bool, bool]], ours: list[tuple[bool, bool]]) -> BlameRow:
    agents, steps = sum(agent for agent, _ in mine), sum(step for _, step in mine)
    known = any(step for _, step in ours)
    return BlameRow(
        rule=name,
        failures=len(mine),
        agents=agents,
        agent_interval=wilson(agents, len(mine)),
        steps=steps if known else None,
        step_interval=wilson(steps, len(mine)),
        agent_gain=paired_difference([agent for agent, _ in ours], [agent for agent, _ in mine]),
        step_gain=paired_difference([step for _, step in ours], [step for _, step in mine]),
    )
