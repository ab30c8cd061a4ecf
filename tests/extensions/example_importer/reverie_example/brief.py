"""A grader: the fewer words the agent needs, the better."""

from collections.abc import Mapping
from typing import Any

from reverie.outcomes.grader import Grade, GradedSession


def grade(session: GradedSession, params: Mapping[str, Any]) -> Grade:
    words = sum(len(turn.text.split()) for turn in session.turns if turn.who == "agent")
    most = params.get("most_words", 100)
    return Grade(score=max(0.0, 1 - words / most), explanation=f"{words} of at most {most} words")
