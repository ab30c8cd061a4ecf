"""What sessions took, and their values of single metrics: the outcomes besides the reward that mining compares."""

from collections.abc import Sequence

import numpy as np

from reverie.digests.digest import DIGEST_VERSION
from reverie.mining.outcome import SIZES, Measures
from reverie.outcomes.metric import Metric
from reverie.sessions.segment import Segment
from reverie.storage.postgres.database import Connection
from reverie.storage.sessions.condition import condition_of
from reverie.storage.sessions.scores import list_metrics

_ROWS_AT_ONCE = 10_000


async def load_measures(
    connection: Connection,
    segment: Segment,
    last_key: int,
    session_ids: Sequence[str],
    names: Sequence[str] | None,
    own_metrics: Sequence[Metric] = (),
) -> Measures:
    """Columns parallel to ``session_ids``, digested sessions of the segment up to ``last_key``.

    Args:
        names: sizes and metrics to read; None reads the sizes.
        own_metrics: how the store measures, where it differs from what is defined for everyone.
    """
    condition = condition_of(segment)
    wanted = SIZES if names is None else names
    position = {session_id: i for i, session_id in enumerate(session_ids)}
    values = {name: np.full(len(position), np.nan) for name in wanted}
    parameters = {**condition.parameters, "last_key": last_key, "version": DIGEST_VERSION, "names": list(wanted)}
    digested = f"""FROM sessions s JOIN digests d ON d.session_key = s.key
        WHERE s.key <= %(last_key)s AND d.version = %(version)s AND ({condition.sql})"""
    # Sources that do not say how many tokens were used leave zeros.
    sizes = f"""SELECT s.id, d.seconds::float8, nullif(d.input_tokens + d.output_tokens, 0)::float8,
        d.cost_usd::float8 {digested}"""
    scores = f"""SELECT chosen.id, c.metric, c.value FROM (SELECT s.key, s.id {digested}) chosen
        JOIN scores c ON c.session_key = chosen.key WHERE c.metric = ANY(%(names)s::text[])"""
    async with connection.cursor(binary=True) as cursor:
        if set(wanted) & set(SIZES):
            await cursor.execute(sizes.encode(), parameters)
            while rows := await cursor.fetchmany(_ROWS_AT_ONCE):
                places = [position.get(row[0], -1) for row in rows]
                known = np.array(places) >= 0
                for name, column in zip(SIZES, list(zip(*rows, strict=True))[1:], strict=True):
                    if name in values:
                        values[name][np.array(places)[known]] = np.array(column, np.float64)[known]
        if set(wanted) - set(SIZES):
            async for session_id, metric, value in await cursor.execute(scores.encode(), parameters):
                if metric not in SIZES and session_id in position:
                    values[metric][position[session_id]] = value
    defined = {metric.name: metric for metric in (*await list_metrics(connection), *own_metrics)}
    return Measures(values, tuple(defined.values()))
