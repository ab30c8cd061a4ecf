"""What a person is asked, and how far the labels of a frame are."""

import msgspec

from reverie.outcomes.grader import GradedSession

PERSON = "person"
"""The source of a score that a person gave when asked."""


class LabelProgress(msgspec.Struct, frozen=True):
    """How far the labels of a metric are, among the sessions that they stand for."""

    metric: str
    where: str | None
    sessions: int
    answered: int
    skipped: int
    open: int


class LabelTask(msgspec.Struct, frozen=True):
    """A session to be scored, as it is shown: without memory, scores, agent or model."""

    session_id: str
    view: GradedSession
    progress: LabelProgress


class LabelAnswer(msgspec.Struct, frozen=True):
    """What an answer came to."""

    session_id: str
    metric: str
    value: float | None
    """None where it was skipped or taken back."""
    probability: float | None
    """That the session was asked for, as far as the frame now is."""
    progress: LabelProgress
