"""What grades a session: what it is shown, what it answers, and who may be asked."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from reverie.errors import MetricError
from reverie.extensions import GRADERS, GROUPS, Extension, called, refusal
from reverie.outcomes.session_facts import SessionFacts
from reverie.sessions.transcript import Turn


class GradedSession(msgspec.Struct, frozen=True):
    """A session as a grader sees it: made by :func:`reverie.outcomes.grading_view.grading_view`, which leaves out
    memory and every trace of what the agent was told by it, so that no grader can reward or punish its use."""

    facts: SessionFacts
    turns: tuple[Turn, ...]
    """In order; long texts are cut."""
    task_id: str | None = None
    task_category: str | None = None


class Grade(msgspec.Struct, frozen=True):
    """What a grader says of a session: a score, values of metrics, or both.

    Raises:
        MetricError: there is neither, a score is outside 0 to 1, or a value is not finite.
    """

    score: float | None = None
    """0 (worst) to 1."""
    metrics: dict[str, float] = {}
    explanation: str = ""
    parts: dict[str, float] = {}
    """Scores of parts of the session, 0 to 1, by the thread's id as turns have it in brackets."""

    def __post_init__(self) -> None:
        if self.score is None and not self.metrics:
            raise MetricError("a grade needs a score or a metric's value")
        if self.score is not None and not 0 <= self.score <= 1:
            raise MetricError(f"the grade's score {self.score} is not between 0 and 1")
        for part, score in self.parts.items():
            if not 0 <= score <= 1:
                raise MetricError(f"the grade's score {score} of {part} is not between 0 and 1")
        for name, value in self.metrics.items():
            if not math.isfinite(value):
                raise MetricError(f"the grade's {name} {value} is not a finite number")


class Grader(Protocol):
    """Grades one session."""

    def __call__(self, session: GradedSession, params: Mapping[str, Any], /) -> Grade:
        """The grade; ``params`` are what the grader is to go by, such as ``rubric``.

        Raises:
            MetricError: this session cannot be graded so; says why.
            InputError: ``params`` are not what the grader takes; names the one at fault.
        """


def fitted(extension: Extension, given: Any) -> Grader:
    """The grader that an entry point refers to.

    Raises:
        ExtensionError: it is none.
    """
    if not callable(given):
        raise refusal(extension, f"is {type(given).__name__}, not {GROUPS[GRADERS]}", "see docs/extensions.md")

    def grade(session: GradedSession, params: Mapping[str, Any], /) -> Grade:
        answer: Any = called(extension, given, session, params)
        if not isinstance(answer, Grade):
            raise refusal(extension, f"gave {type(answer).__name__}, not a Grade", "report it to its makers")
        return answer

    return grade
