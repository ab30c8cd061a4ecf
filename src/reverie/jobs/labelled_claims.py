"""What few labels say about sessions, with the help of a metric or signal that all of them have."""

import asyncio
from dataclasses import dataclass

import numpy as np

from reverie.dreams.policy import DreamPolicy
from reverie.errors import InputError
from reverie.jobs.proxies import Proxies, read_proxies
from reverie.mining.few_labels import LabelledClaims, mine_labels
from reverie.mining.label_policy import LEAST_LABELS
from reverie.outcomes.metric import REWARD_METRIC, Metric, normalized
from reverie.sessions.segment import Segment, parse_segment
from reverie.statistics.corpus import Corpus, Flags, Floats
from reverie.statistics.prediction_powered import Labels
from reverie.storage.learning.digests import load_corpus
from reverie.storage.learning.measures import load_measures
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.labels import LabelFrame, frame_labels, list_frames
from reverie.storage.sessions.scores import list_metrics

_EVERY_KEY = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class FewScores:
    """The scores of mostly unscored sessions, as a dream uses them."""

    labels: Labels
    """Parallel to the covered sessions of the dream's corpus."""
    covered: Flags
    """Which sessions of the corpus they stand for."""
    proxies: Proxies
    note: str = ""
    """Why nothing can be said, where that is so."""


async def read_claims(
    database: Database, frame: LabelFrame, proxies: tuple[str, ...], policy: DreamPolicy
) -> LabelledClaims:
    """Claims that the first of ``proxies`` suggests, tested by the labels of ``frame`` with the help of all of them.

    Sessions that were scored without having been asked about count as known; those that are neither scored nor in the
    frame are left out.

    Raises:
        InputError: no session was digested, or none has the first proxy.
    """
    segment = parse_segment(frame.where)
    async with database.connection() as connection:
        corpus = await load_corpus(connection, segment, _EVERY_KEY)
        if not corpus.session_ids:
            raise InputError("no session was digested yet; run `reverie dream` once, which needs no scores for it")
        ids = corpus.session_ids
        measures = await load_measures(connection, segment, _EVERY_KEY, ids, (frame.metric,))
        known = await read_proxies(connection, segment, _EVERY_KEY, ids, proxies, policy.implicit)
        defined = {one.name: one for one in await list_metrics(connection)}
        values = _scaled(measures.values[frame.metric], defined.get(frame.metric, Metric(frame.metric)))
        score, probability, covered = await _labels(connection, frame, corpus, values)
    if not np.isfinite(known.values[:, 0]).any():
        raise InputError(f"no session has a value of {proxies[0]!r}; give a metric or signal that all of them have")
    labels = Labels(score, probability, known.values).at(covered)
    mined = await asyncio.to_thread(
        lambda: mine_labels(
            corpus.kept(covered), labels, policy.mining, proxy=proxies[0], is_excluded=known.is_excluded
        )
    )
    return mined.claims


async def read_few_scores(
    connection: Connection, segment: Segment, last_key: int, where: str | None, corpus: Corpus, policy: DreamPolicy
) -> FewScores | None:
    """The labels of a dream's sessions with the policy's proxy; None where not few of them are scored.

    ``where`` is the dream's condition: of several draws of labels the one that was made for it is used.
    """
    scored: Flags = np.isfinite(corpus.reward)
    count, sessions = int(scored.sum()), len(scored)
    if count < LEAST_LABELS or count >= policy.labels.below * sessions:
        return None
    frames = await list_frames(connection, REWARD_METRIC)
    frame = next((one for one in frames if one.where == where), next(iter(frames), None))
    name = policy.labels.proxy
    known = await read_proxies(
        connection, segment, last_key, corpus.session_ids, (name,), policy.implicit, policy.metrics
    )
    score, probability, covered = corpus.reward, np.ones(sessions), scored
    if frame is not None:
        score, probability, covered = await _labels(connection, frame, corpus, corpus.reward)
    labels = Labels(score, probability, known.values).at(covered)
    return FewScores(labels, covered, known, _why_not(labels, name))


def _why_not(labels: Labels, proxy: str) -> str:
    count, drawn = int(labels.known.sum()), int((labels.known & (labels.probability < 1)).sum())
    if not drawn:
        return (
            "few sessions are scored and none of the scores was drawn, so they speak for no other session; "
            "`reverie label` draws some that do"
        )
    if count < LEAST_LABELS:
        return f"{count} labels count so far, {LEAST_LABELS} are needed; go on with `reverie label`"
    if len(np.unique(labels.proxies[np.isfinite(labels.proxies[:, 0]), 0])) < 2:
        return f"the proxy `{proxy}` does not differ between sessions; name another (`labels.proxy` of the policy)"
    return ""


async def _labels(
    connection: Connection, frame: LabelFrame, corpus: Corpus, scored: Floats
) -> tuple[Floats, Floats, Flags]:
    """Labels and probabilities parallel to the corpus, and which sessions they stand for.

    A label of the draw that waits for others before it counts as none.
    """
    value, probability = scored.copy(), np.ones(len(scored))
    covered: Flags = np.isfinite(scored)
    position = {session_id: i for i, session_id in enumerate(corpus.session_ids)}
    for one in await frame_labels(connection, frame):
        place = position.get(one.session_id)
        if place is not None:
            covered[place] = True
            value[place] = np.nan if one.value is None else value[place]
            probability[place] = one.probability or 1.0
    return value, probability, covered


def _scaled(values: Floats, metric: Metric) -> Floats:
    return np.array([normalized(metric, one) if np.isfinite(one) else np.nan for one in values], np.float64)
