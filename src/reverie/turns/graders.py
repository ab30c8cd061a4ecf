"""Scoring a session by the graders that its agent names, each time a turn of it has ended."""

import asyncio

import structlog

from reverie.digests.tool_error import tool_failed
from reverie.errors import ReverieError
from reverie.outcomes.grader import GradedSession
from reverie.outcomes.grader_choice import KEY, GraderChoice, read_choices
from reverie.outcomes.graders import grader_named
from reverie.outcomes.grading_view import grading_view
from reverie.sessions.session import Score
from reverie.storage.live.briefings import read_briefing
from reverie.storage.live.sessions import LiveSession, read_session
from reverie.storage.service.agents import read_graders
from reverie.storage.sessions.scores import score_session
from reverie.storage.sessions.transcripts import read_transcript
from reverie.turns.desk import Desk

log = structlog.get_logger("reverie.turns")


async def score_ended(desk: Desk, session_id: str) -> None:
    """Record what the graders of a session's agent say of it, where it rests and has some.

    A grader that fails is told of in the log and scores nothing; the session is what it is.
    """
    async with desk.database.statements() as connection:
        line = await read_graders(connection, session_id, KEY)
    if not line:
        return
    async with desk.database.connection() as connection:
        session = await read_session(connection, session_id)
        transcript = await read_transcript(connection, session_id)
        briefing = await read_briefing(connection, session.key) or ""
    view = await asyncio.to_thread(grading_view, transcript, tool_failed, [briefing])
    scores = await asyncio.to_thread(_grade, session, view, line)
    if scores:
        async with desk.database.connection() as connection:
            await score_session(connection, session_id, scores)


def _grade(session: LiveSession, view: GradedSession, line: str) -> list[Score]:
    scores: dict[str, float] = {}
    try:
        for choice in read_choices(line):
            scores |= _scores_of(session, view, choice)
    except ReverieError as error:
        log.warning("graders cannot be read", session_id=session.id, error=str(error))
    return [Score(metric, value) for metric, value in scores.items()]


def _scores_of(session: LiveSession, view: GradedSession, choice: GraderChoice) -> dict[str, float]:
    try:
        grade = grader_named(choice.grader)(view, choice.params)
    except ReverieError as error:
        log.warning("a grader failed", session_id=session.id, grader=choice.grader, error=str(error))
        return {}
    own = {} if grade.score is None else {choice.metric: grade.score}
    return {**grade.metrics, **own}
