"""What few labels say about the sessions of a frame, with the help of a metric that all of them have."""

import asyncio

import numpy as np

from reverie.errors import InputError
from reverie.mining.few_labels import LabelledClaims, claims_of
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import Metric, normalized
from reverie.sessions.segment import parse_segment
from reverie.statistics.corpus import Corpus, Flags, Floats
from reverie.statistics.prediction_powered import Labels
from reverie.storage.learning.digests import load_corpus
from reverie.storage.learning.measures import load_measures
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.labels import LabelFrame, frame_labels
from reverie.storage.sessions.scores import list_metrics

_EVERY_KEY = 2**62


async def read_claims(
    database: Database, frame: LabelFrame, proxies: tuple[str, ...], policy: MiningPolicy
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
        names = (*proxies, frame.metric)
        measures = await load_measures(connection, segment, _EVERY_KEY, corpus.session_ids, names)
        defined = {one.name: one for one in await list_metrics(connection)}
        value, probability, covered = await _labels(connection, frame, corpus, measures.values[frame.metric])
    if not corpus.session_ids:
        raise InputError("no session was digested yet; run `reverie dream` once, which needs no scores for it")
    if not np.isfinite(measures.values[proxies[0]]).any():
        raise InputError(f"no session has a value of {proxies[0]!r}; give a metric that all of them have")
    scaled = _scaled(value, defined.get(frame.metric, Metric(frame.metric)))
    columns = np.column_stack([measures.values[name] for name in proxies])
    labels = Labels(scaled, probability, columns).at(covered)
    return await asyncio.to_thread(claims_of, corpus.kept(covered), labels, policy)


async def _labels(
    connection: Connection, frame: LabelFrame, corpus: Corpus, scored: Floats
) -> tuple[Floats, Floats, Flags]:
    """Labels and probabilities parallel to the corpus, and which sessions they stand for."""
    value, probability = scored.copy(), np.ones(len(scored))
    covered: Flags = np.isfinite(scored)
    position = {session_id: i for i, session_id in enumerate(corpus.session_ids)}
    for one in await frame_labels(connection, frame):
        place = position.get(one.session_id)
        if place is not None:
            covered[place] = True
            value[place] = np.nan if one.value is None else one.value
            probability[place] = one.probability or 1.0
    return value, probability, covered


def _scaled(values: Floats, metric: Metric) -> Floats:
    return np.array([normalized(metric, one) if np.isfinite(one) else np.nan for one in values], np.float64)
