"""Why a lesson is believed: the table behind it, the sessions it rests on, and what would change our mind."""

import asyncio
from collections.abc import Sequence

import msgspec

from reverie.digests.derived.occurrence import Trace
from reverie.digests.tool_error import tool_failed
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import segment_of
from reverie.ids import event_sequence
from reverie.jobs.proxies import read_traces
from reverie.lessons.doubt import what_would_change_our_mind
from reverie.lessons.lesson import Evidence, Lesson
from reverie.mining.breakdown import StratumRow, break_down, compared_on
from reverie.mining.counting import without_scores_left_out
from reverie.mining.implicit import compared_after
from reverie.mining.outcome import REWARD, Outcome, outcome_named
from reverie.sessions.session import Transcript
from reverie.sessions.transcript import Turn, render_turns
from reverie.statistics.corpus import Corpus, form_strata
from reverie.storage.learning.digests import load_corpus
from reverie.storage.learning.dreams import concluded_at, read_dream
from reverie.storage.learning.lessons import LessonRow, follow_citations
from reverie.storage.learning.measures import load_measures
from reverie.storage.live.trials import trials_of_lesson
from reverie.storage.memory.policies import read_policy
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.transcripts import read_transcripts
from reverie.trials.trial import TrialState

_SUPPORTING, _CONTRARY = 3, 2
_AROUND = 2
_NO_DREAM = "A person gave it, and no dream has judged it: what its live trials show is all that there is."


class CitedMoment(msgspec.Struct, frozen=True):
    """A session at the moment that decides."""

    session_id: str
    event_id: str
    reward: float | None
    supports: bool
    turns: tuple[Turn, ...]


class LessonTrial(msgspec.Struct, frozen=True):
    """A live trial that a lesson is or was in."""

    id: str
    state: TrialState
    reason: str
    """Why it is in this state; empty while it goes on."""


class Explanation(msgspec.Struct, frozen=True):
    """All that speaks for and against a lesson."""

    strata: tuple[StratumRow, ...]
    moments: tuple[CitedMoment, ...]
    doubts: tuple[str, ...]
    trials: tuple[LessonTrial, ...] = ()
    """The latest first."""


async def explain_lesson(connection: Connection, row: LessonRow) -> Explanation:
    """What speaks for and against a lesson: the sessions of the dream that last judged it, and its live trials."""
    found = await trials_of_lesson(connection, row.memory_store_id, row.lesson.id)
    trials = tuple(LessonTrial(trial.id, trial.state, trial.reason) for trial in found)
    if row.last_dream_id is None:
        return Explanation((), (), (_NO_DREAM,), trials)
    explanation = await _explain(connection, row.lesson, row.last_dream_id)
    return msgspec.structs.replace(explanation, trials=trials)


async def _explain(connection: Connection, lesson: Lesson, dream_id: str) -> Explanation:
    dream = await read_dream(connection, dream_id)
    policy = await read_policy(connection, dream.memory_store_id)
    segment, last_key = segment_of(dream.request), dream.last_session_key
    corpus = await load_corpus(connection, segment, last_key, policy.metrics)
    names = [name for name in (lesson.outcome,) if name != REWARD.name]
    measures = await load_measures(connection, segment, last_key, corpus.session_ids, names, policy.metrics)
    since = await concluded_at(connection, dream_id)
    supporting = await follow_citations(connection, lesson.evidence[:_SUPPORTING], since)
    contrary = await follow_citations(connection, lesson.counter_examples[:_CONTRARY], since)
    cited = [citation.session_id for citation in (*supporting, *contrary)]
    transcripts = await read_transcripts(connection, cited)
    outcome = outcome_named(lesson.outcome, measures)
    rewards = dict(zip(corpus.session_ids, corpus.reward.tolist(), strict=True))
    by_id = {transcript.session.id: transcript for transcript in transcripts}
    moments = [
        _moment(by_id[citation.session_id], citation, rewards.get(citation.session_id), supports=supports)
        for citations, supports in ((supporting, True), (contrary, False))
        for citation in citations
        if citation.session_id in by_id
    ]
    if lesson.implicit:
        traces = await read_traces(connection, segment, last_key, corpus.session_ids)
        rows = await asyncio.to_thread(_rows_after, corpus, traces, lesson, policy)
    else:
        rows = await asyncio.to_thread(
            lambda: _rows(compared_on(without_scores_left_out(corpus), outcome, measures), lesson, outcome)
        )
    return Explanation(
        rows, tuple(moments), what_would_change_our_mind(lesson, outcome.least_effect_in_unit(policy.mining))
    )


def _rows(corpus: Corpus, lesson: Lesson, outcome: Outcome) -> tuple[StratumRow, ...]:
    """What each stratum says, in the outcome's own unit."""
    strata, family = form_strata(corpus), lesson.scope.task_family
    rows = break_down(corpus, strata, category=family, situation=lesson.situation, name=lesson.behaviour_name)
    return tuple(
        msgspec.structs.replace(
            row, reward_with=outcome.level(row.reward_with), reward_without=outcome.level(row.reward_without)
        )
        for row in rows
    )


def _rows_after(corpus: Corpus, traces: Sequence[Trace], lesson: Lesson, policy: DreamPolicy) -> tuple[StratumRow, ...]:
    """What each stratum says of a lesson on the implicit outcome: sessions at its moment, by what came after."""
    compared = compared_after(corpus, traces, policy.mining, policy.implicit)
    rows = break_down(
        compared.rows.corpus,
        compared.rows.strata(compared.strata),
        category=lesson.scope.task_family,
        situation=lesson.situation,
        name=lesson.behaviour_name,
        within=compared.rows.within().get(lesson.situation),
    )
    return tuple(rows)


def _moment(transcript: Transcript, citation: Evidence, reward: float | None, *, supports: bool) -> CitedMoment:
    at = event_sequence(citation.event_id)
    turns = render_turns(transcript, tool_failed)
    middle = next((i for i, turn in enumerate(turns) if turn.sequence >= at), len(turns))
    around = turns[max(middle - _AROUND, 0) : middle + _AROUND + 1]
    return CitedMoment(citation.session_id, citation.event_id, reward, supports, around)
