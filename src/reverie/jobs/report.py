"""A dream's report, with the sessions that it cites."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from reverie.dreams.dream import DreamResult
from reverie.dreams.request import segment_of
from reverie.jobs.trial_report import report_trial, trace_trial
from reverie.lessons.lesson import Evidence, Lesson
from reverie.reports.evidence import SHOWN_TRANSCRIPTS
from reverie.reports.html import render_report
from reverie.sessions.session import Transcript
from reverie.storage.learning.dreams import read_dream
from reverie.storage.live.delegations import coordinators_of
from reverie.storage.live.trials import list_trials
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.transcripts import read_transcripts
from reverie.teams.routing_report import RoutingReport
from reverie.trials.report import TracedTrial

_MOST_TRIALS = 200
_MOST_ROUTERS = 5


async def read_evidence(connection: Connection, result: DreamResult) -> dict[str, Transcript]:
    """The transcripts that the report of ``result`` may show, by session id."""
    transcripts = await read_transcripts(connection, _cited(result.lessons)[: 2 * SHOWN_TRANSCRIPTS])
    return {transcript.session.id: transcript for transcript in transcripts}


async def read_trials(connection: Connection, result: DreamResult, now: datetime) -> list[TracedTrial]:
    """The live trials of the store that a dream wrote to, newest first."""
    store_id = (await read_dream(connection, result.dream_id)).memory_store_id
    return [
        TracedTrial(
            await report_trial(connection, trial, now),
            tuple(await trace_trial(connection, trial, now)),
        )
        for trial in await list_trials(connection, store_id=store_id, limit=_MOST_TRIALS)
    ]


async def read_coordinators(connection: Connection, result: DreamResult) -> list[str]:
    """The agents whose router drew in sessions that a dream read, those with most draws first."""
    dream = await read_dream(connection, result.dream_id)
    return await coordinators_of(connection, segment_of(dream.request), dream.last_session_key, _MOST_ROUTERS)


def write_report(
    result: DreamResult,
    evidence: dict[str, Transcript],
    trials: Sequence[TracedTrial],
    routing: Sequence[RoutingReport],
    now: datetime,
) -> str:
    """The report as one HTML page."""
    return render_report(
        result, evidence, generated_at=now, overview=result.overview, trials=trials, routing=tuple(routing)
    )


def _cited(lessons: Iterable[Lesson]) -> list[str]:
    """Sessions that lessons cite, those of kept lessons first."""
    ordered = sorted(lessons, key=lambda lesson: lesson.status == "refused")
    citations: list[Evidence] = [e for lesson in ordered for e in (*lesson.evidence, *lesson.counter_examples)]
    return list(dict.fromkeys(citation.session_id for citation in citations))
