"""Asking a person to score sessions: the next one as it is shown, and what an answer comes to."""

import asyncio
import hashlib
from datetime import datetime

import msgspec

from reverie.digests.tool_error import tool_failed
from reverie.outcomes.grader import GradedSession
from reverie.outcomes.grading_view import grading_view
from reverie.outcomes.label_task import LabelAnswer, LabelTask
from reverie.storage.live.briefings import find_briefing
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions import labels
from reverie.storage.sessions.labels import LabelFrame
from reverie.storage.sessions.transcripts import read_transcript


async def blind_view(connection: Connection, session_id: str) -> GradedSession:
    """A session as graders and people who score it see it: nothing of memory, scores, agent or model.

    Raises:
        NotFoundError: there is no such session.
    """
    transcript = await read_transcript(connection, session_id)
    briefing = await find_briefing(connection, session_id)
    return await asyncio.to_thread(grading_view, transcript, tool_failed, [briefing or ""])


def content_sha256(view: GradedSession) -> str:
    """Hash of what a grader is shown of a session; the ids of its task are no part of it."""
    shown = msgspec.structs.replace(view, task_id=None)
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()


async def next_task(connection: Connection, frame: LabelFrame) -> LabelTask | None:
    """The session to be scored next; None where there is none left."""
    session_id = await labels.next_session(connection, frame)
    if session_id is None:
        return None
    view = await blind_view(connection, session_id)
    return LabelTask(session_id, view, await labels.progress_of(connection, frame))


async def record_answer(
    connection: Connection, frame: LabelFrame, session_id: str, value: float | None, now: datetime
) -> LabelAnswer:
    """Record a label, or None for skipped.

    Raises:
        NotFoundError: the session is not to be labelled.
        StateError: it was answered already.
        MetricError: the value is not a finite number.
    """
    probability = await labels.answer(connection, frame, session_id, value, now)
    return LabelAnswer(session_id, frame.metric, value, probability, await labels.progress_of(connection, frame))


async def take_back_answer(connection: Connection, frame: LabelFrame, session_id: str | None = None) -> LabelAnswer:
    """Undo the latest answer, or that of a session.

    Raises:
        NotFoundError: there is nothing to take back.
    """
    undone = await labels.take_back(connection, frame, session_id)
    return LabelAnswer(undone, frame.metric, None, None, await labels.progress_of(connection, frame))
