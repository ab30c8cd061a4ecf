"""A dream without a database: transcripts to digests, corpus, mining and lessons, in one process."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from reverie.digests.digest import Digest
from reverie.digests.ending import cause_of
from reverie.digests.marks import pack_marks
from reverie.digests.transcript import digest_transcript
from reverie.lessons.conflicts import settle_conflicts
from reverie.lessons.lesson import Lesson
from reverie.lessons.proposal import propose_lesson, worth_a_lesson
from reverie.mining.mine import MiningResult, mine
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Session, Transcript
from reverie.sessions.stated_end import stated_end
from reverie.statistics.corpus import Corpus, Floats, Observable, Origins, reached
from reverie.statistics.online import AlphaWealth
from reverie.testing.worlds.world import World

_STORE = "evaluation"


class DigestedSession(msgspec.Struct, frozen=True):
    """What a corpus needs to know of one session."""

    session: Session
    reward: float | None
    digest: Digest


class Dreamt(msgspec.Struct, frozen=True):
    """What mining gave, and the lessons made of it (without evidence: nobody will look the sessions up)."""

    result: MiningResult
    lessons: tuple[Lesson, ...]


def world_transcripts(world: World) -> Iterator[Transcript]:
    """The world's sessions as an import would read them."""
    encoder = msgspec.json.Encoder()
    for number, line in enumerate(world.lines, start=1):
        yield parse_record(RawRecord(world.name, number, world.format, encoder.encode(line), {}), {})


def digest_sessions(transcripts: Iterable[Transcript]) -> list[DigestedSession]:
    """Digest each session; transcripts are let go one by one."""
    return [DigestedSession(t.session, _reward(t), digest_transcript(t)) for t in transcripts]


def make_corpus(sessions: Iterable[DigestedSession]) -> Corpus:
    """The sessions as columns for mining."""
    ordered = sorted(sessions, key=lambda each: each.session.id)
    position: dict[Observable, int] = {}
    entries: list[tuple[int, int, int]] = []
    for number, each in enumerate(ordered):
        for situation in each.digest.situations:
            name = reached(situation.situation)
            entries.append((number, position.setdefault(name, len(position)), situation.step))
        for shown in each.digest.behaviours:
            name = Observable(shown.situation, shown.name, shown.kind)
            entries.append((number, position.setdefault(name, len(position)), shown.step))
    columns = np.array(entries, np.int32).reshape(-1, 3)
    # In an order that does not depend on which session came first, as the database gives them.
    names = sorted(position, key=lambda name: (name.situation.text, name.name.text, name.kind))
    place = np.zeros(len(names), np.int32)
    place[[position[name] for name in names]] = np.arange(len(names))
    return Corpus(
        session_ids=[each.session.id for each in ordered],
        reward=np.array([np.nan if each.reward is None else each.reward for each in ordered], np.float64),
        steps=np.array([each.digest.steps for each in ordered], np.int32),
        task=[each.session.task_id for each in ordered],
        category=[each.session.task_category for each in ordered],
        variant=[_variant(each.session) for each in ordered],
        entry_session=columns[:, 0],
        entry_code=place[columns[:, 1]],
        entry_step=columns[:, 2],
        names=names,
        at=_times([each.session for each in ordered]),
        origins=_origins(ordered),
    )


def dream(corpus: Corpus, policy: MiningPolicy, wealth: AlphaWealth = AlphaWealth()) -> Dreamt:
    """Mine the corpus and propose lessons, as a dream does before its gate; ``wealth`` is the earlier dreams'."""
    result = mine(corpus, policy, wealth)
    lessons = [
        propose_lesson(finding, store_id=_STORE, agent=None, split_by=result.split_by, proving={})
        for finding in result.findings
        if worth_a_lesson(finding)
    ]
    return Dreamt(result, tuple(settle_conflicts(lessons)))


def _origins(sessions: Sequence[DigestedSession]) -> Origins:
    endings = [each.digest.ending for each in sessions]
    return Origins(
        cause=[cause_of(each.digest.ending, *stated_end(each.session.metadata)) for each in sessions],
        ended_on=[ending.on for ending in endings],
        last_action=[ending.action for ending in endings],
        user=[each.session.user_id for each in sessions],
        marks=[pack_marks(each.digest.marks) for each in sessions],
    )


def _times(sessions: Sequence[Session]) -> Floats:
    """When each began, in seconds since 1970; NaN where a session does not say."""
    starts = [np.nan if session.started_at is None else session.started_at.timestamp() for session in sessions]
    return np.array(starts, np.float64)


def _reward(transcript: Transcript) -> float | None:
    return next((score.value for score in transcript.scores if score.metric == REWARD_METRIC), None)


def _variant(session: Session) -> str:
    return " ".join(part for part in (session.agent, session.agent_version, session.model) if part)
