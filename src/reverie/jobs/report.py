"""A dream's report, with the sessions that it cites."""

from collections.abc import Iterable
from datetime import datetime

from reverie.dreams.dream import DreamResult
from reverie.lessons.lesson import Evidence, Lesson
from reverie.reports.evidence import SHOWN_TRANSCRIPTS
from reverie.reports.html import render_report
from reverie.sessions.session import Transcript
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.transcripts import read_transcripts


async def read_evidence(connection: Connection, result: DreamResult) -> dict[str, Transcript]:
    """The transcripts that the report of ``result`` may show, by session id."""
    transcripts = await read_transcripts(connection, _cited(result.lessons)[: 2 * SHOWN_TRANSCRIPTS])
    return {transcript.session.id: transcript for transcript in transcripts}


def write_report(result: DreamResult, evidence: dict[str, Transcript], now: datetime) -> str:
    """The report as one HTML page."""
    return render_report(result, evidence, generated_at=now, overview=result.overview)


def _cited(lessons: Iterable[Lesson]) -> list[str]:
    """Sessions that lessons cite, those of kept lessons first."""
    ordered = sorted(lessons, key=lambda lesson: lesson.status == "refused")
    citations: list[Evidence] = [e for lesson in ordered for e in (*lesson.evidence, *lesson.counter_examples)]
    return list(dict.fromkeys(citation.session_id for citation in citations))
