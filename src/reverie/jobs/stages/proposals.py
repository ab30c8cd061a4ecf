"""From what a dream found to the lessons that it proposes, in our own words."""

import asyncio
from collections.abc import Sequence

from reverie.assist.consultation import with_earlier
from reverie.assist.judgement import state_checks
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.jobs.found import Found
from reverie.jobs.quotes import quote_examples, sessions_to_quote
from reverie.lessons.conflicts import join_outcomes, settle_conflicts
from reverie.lessons.lesson import Lesson
from reverie.lessons.priority import propose_priorities
from reverie.lessons.proposal import ProvingSequences, digested_situation, propose_lesson, worth_a_lesson
from reverie.mining.attribution import Attribution, attribute_failure
from reverie.mining.mine import MiningResult
from reverie.overview.overview import WeakSegment
from reverie.storage.learning.consultations import earlier_proposals
from reverie.storage.learning.digests import measure_segment, proving_sequences
from reverie.storage.learning.dreams import DreamRow
from reverie.storage.memory.clone import store_origin
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.transcripts import read_transcripts


async def propose_lessons(connection: Connection, dream: DreamRow, found: Found, policy: DreamPolicy) -> list[Lesson]:
    """The lessons that the dream's findings amount to, in our own words."""
    overview = found.overview
    proposals = with_earlier(await earlier_proposals(connection, dream), found.consultation)
    size = await measure_segment(connection, segment_of(dream.request), dream.last_session_key)
    agent = (size.agents[0] or None) if len(size.agents) == 1 else None
    # A clone's lessons keep their ids, and so their documents.
    store_id = await store_origin(connection, dream.memory_store_id)
    lessons = await lessons_of(connection, found.mined, store_id, agent, found.judgement.proving_sequences())
    if overview is not None:
        blamed = await _blame(connection, overview.weak_segments)
        lessons += propose_priorities(overview.weak_segments, store_id=store_id, agent=agent, blamed=blamed)
    lessons = await with_examples(connection, lessons)
    stated = state_checks(lessons, proposals.proposals)
    return settle_conflicts(join_outcomes(of_kinds(stated, policy)))


def of_kinds(lessons: Sequence[Lesson], policy: DreamPolicy) -> list[Lesson]:
    """Those of the kinds that the policy lets a dream propose."""
    return [lesson for lesson in lessons if lesson.kind in policy.lesson_kinds]


async def lessons_of(
    connection: Connection, mined: MiningResult, store_id: str, agent: str | None, known: ProvingSequences
) -> list[Lesson]:
    """The lessons that findings amount to, under ids of a store.

    Args:
        agent: whose sessions they all were, or None.
        known: events that prove what a model proposed.
    """
    about = [(finding, mined.outcome) for finding in mined.findings]
    about += [(finding, result.outcome) for result in mined.outcomes for finding in result.findings]
    chosen = [(finding, outcome) for finding, outcome in about if worth_a_lesson(finding)]
    wanted = [
        (session_id, digested_situation(finding.hypothesis.situation).text, finding.hypothesis.name_text)
        for finding, _ in chosen
        for session_id in (*finding.supporting, *finding.contrary)
    ]
    proving = {**await proving_sequences(connection, wanted), **known}
    return [
        propose_lesson(f, store_id=store_id, agent=agent, split_by=mined.split_by, proving=proving, outcome=outcome)
        for f, outcome in chosen
    ]


async def with_examples(connection: Connection, lessons: Sequence[Lesson]) -> list[Lesson]:
    """Lessons that stand, with the moves themselves: only the few sessions that show them are read."""
    wanted = {session_id for lesson in lessons for session_id in sessions_to_quote(lesson)}
    transcripts = {t.session.id: t for t in await read_transcripts(connection, sorted(wanted))}
    return [quote_examples(lesson, transcripts) for lesson in lessons]


async def _blame(connection: Connection, segments: Sequence[WeakSegment]) -> dict[str, Attribution]:
    """The step that each failed example of a weak segment is traced to, by session id."""
    failed = {session_id for segment in segments for session_id in segment.example_session_ids}
    transcripts = await read_transcripts(connection, sorted(failed))
    traced = await asyncio.to_thread(lambda: [(t.session.id, attribute_failure(t)) for t in transcripts])
    return {session_id: blamed for session_id, blamed in traced if blamed is not None}
