"""The signals: what each is made of, which direction is better, and its value after any moment of a session."""

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from reverie.digests.derived.occurrence import Kind, Occurrence, Trace

Direction = Literal["maximize", "minimize"]


class Signal(msgspec.Struct, frozen=True):
    """One derived metric of a session, named for what it is."""

    name: str
    kinds: tuple[Kind, ...]
    """Of the occurrences that it is made of."""
    made: Literal["count", "last", "any"]
    """``count`` of the occurrences; value of the ``last``, unknown without one; 1 where there is ``any``, else 0."""
    direction: Direction
    meaning: str
    rests_on_words: bool = False
    """Whether it is unknown where the user's language has no lexicon."""
    given_by: tuple[str, ...] = ()
    """Families of behaviours that produce it, or hand the word to the user and so decide whether it can exist: those
    are never tested on it. What ran a check is never tested on that check either, whatever it is called."""


_FLOOR = ("ask", "confirm", "answer", "say")
"""Writing to the user lets the user answer."""

SIGNALS: Mapping[str, Signal] = {
    signal.name: signal
    for signal in (
        Signal("tests_passed", ("tests",), "last", "maximize", "the last test run passed"),
        Signal("build_passed", ("build",), "last", "maximize", "the last build passed"),
        Signal("lint_passed", ("lint",), "last", "maximize", "the last run of a linter passed"),
        Signal("types_passed", ("types",), "last", "maximize", "the last type check passed"),
        Signal("last_exit_code", ("command",), "last", "minimize", "exit code of the last command"),
        Signal("commits", ("commit",), "count", "maximize", "commits made"),
        Signal("pushes", ("push",), "count", "maximize", "pushes made"),
        Signal("pull_requests", ("pull request",), "count", "maximize", "pull requests opened"),
        Signal("reverts", ("revert",), "count", "minimize", "times that work was taken back"),
        Signal(
            "user_corrections",
            ("correction",),
            "count",
            "minimize",
            "times that the user said it was wrong, or asked the same again",
            rests_on_words=True,
            given_by=_FLOOR,
        ),
        Signal("interruptions", ("interruption",), "count", "minimize", "times that the user stopped the agent"),
        Signal("permissions_denied", ("denial",), "count", "minimize", "calls that the user turned down"),
        Signal(
            "frustrations",
            ("frustration",),
            "count",
            "minimize",
            "messages in which the user is angry",
            rests_on_words=True,
            given_by=_FLOOR,
        ),
        Signal(
            "thanks",
            ("thanks",),
            "count",
            "maximize",
            "messages that thank or say that it is well",
            rests_on_words=True,
            given_by=_FLOOR,
        ),
        Signal(
            "satisfied_close",
            ("satisfied close",),
            "any",
            "maximize",
            "the user's last message thanks or says that it is well",
            rests_on_words=True,
            given_by=_FLOOR,
        ),
        Signal(
            "abandoned",
            ("ended on question", "ended on error", "ended on running tool"),
            "any",
            "minimize",
            "the session ends on the agent's question, on an error or on a running tool",
            given_by=("ask", "confirm"),
        ),
        Signal(
            "escalations",
            ("escalation",),
            "count",
            "minimize",
            "times that the case was referred to a person",
            given_by=("escalation",),
        ),
        Signal(
            "refusals",
            ("refusal",),
            "count",
            "minimize",
            "messages that say that it cannot be done",
            given_by=("refusal", "fallback"),
        ),
        Signal("unanswered_errors", ("unanswered error",), "count", "minimize", "errors that nothing was done about"),
        Signal(
            "requests_repeated",
            ("request repeated",),
            "any",
            "minimize",
            "the same user asks the same again in a later session",
        ),
    )
}
"""By name; turns, seconds, tokens and money are outcomes of their own."""


def value_of(signal: Signal, trace: Trace, after: int = -1) -> float | None:
    """The signal in what happened after the agent's action number ``after`` (from 0; −1: the whole session).

    None where it is unknown: no check was made, or the user's language has no lexicon.
    """
    if signal.rests_on_words and trace.turns and not trace.words_read:
        return None
    found = occurrences_of(signal, trace, after)
    if signal.made == "last":
        return found[-1].value if found else None
    return float(bool(found)) if signal.made == "any" else float(len(found))


def occurrences_of(signal: Signal, trace: Trace, after: int = -1) -> list[Occurrence]:
    """What the signal is made of, after the agent's action number ``after``."""
    return [each for each in trace.occurrences if each.kind in signal.kinds and each.step > after]


def goodness(signal: Signal, value: float) -> float:
    """The value from 0 (worst) to 1 (best); of counts, each further one matters less: 1 / (1 + n) where few is best."""
    if signal.made == "count" or signal.name == "last_exit_code":
        share = 1.0 / (1.0 + abs(value))
        return share if signal.direction == "minimize" else 1.0 - share
    return value if signal.direction == "maximize" else 1.0 - value


def producers(traces: Collection[Trace], names: Collection[str]) -> frozenset[str]:
    """The actions that produced one of the signals in any session: the commands that tested, the calls turned down."""
    kinds = {kind for name in names if name in SIGNALS for kind in SIGNALS[name].kinds} & _PRODUCED
    return frozenset(each.action for trace in traces for each in trace.occurrences if each.kind in kinds)


_PRODUCED: frozenset[Kind] = frozenset({
    "tests", "build", "lint", "types", "command", "commit", "push", "pull request", "revert", "denial",
    "escalation", "unanswered error", "ended on error", "ended on running tool",
})  # fmt: skip
