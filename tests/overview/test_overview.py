"""All kinds of patterns in one record."""

import msgspec
import numpy as np
import pytest

from reverie.overview.description import describe_sessions
from reverie.overview.overview import Overview
from reverie.overview.table import make_table
from reverie.statistics.corpus import Corpus

from .simulated_table import TableSimulation


def test_an_overview_can_be_kept_and_read_again() -> None:
    world = TableSimulation(1, tasks=40)
    met = np.flatnonzero(world.coin(0.3))
    world.show("after error", "", "situation", met)
    world.show("after error", "apology", "manner", met[::2])
    world.steps[3] = 900
    for session in range(world.size):
        world.act(session, "lookup", "refund")
    world.count(fallbacks=world.coin(0.2), questions=world.generator.poisson(2, world.size))
    overview = describe_sessions(world.table())
    assert overview.recoveries
    assert overview.flows
    assert overview.anomalies.found
    assert overview.correlations
    assert msgspec.json.decode(msgspec.json.encode(overview), type=Overview) == overview


@pytest.mark.parametrize("size", [0, 1, 7])
def test_few_sessions_are_an_answer_not_an_error(size: int) -> None:
    corpus = Corpus(
        session_ids=[f"s{i}" for i in range(size)],
        reward=np.ones(size),
        steps=np.ones(size, np.int32),
        task=[None] * size,
        category=[None] * size,
        variant=["desk"] * size,
        entry_session=np.zeros(0, np.int32),
        entry_code=np.zeros(0, np.int32),
        entry_step=np.zeros(0, np.int32),
        names=[],
    )
    overview = describe_sessions(make_table(corpus))
    assert not any((overview.flows, overview.weak_segments, overview.trends))


def test_unscored_sessions_are_described_but_never_judged() -> None:
    world = TableSimulation(2)
    for session in range(world.size):
        world.act(session, "lookup", "refund")
    overview = describe_sessions(world.table(reward=np.full(world.size, np.nan)))
    assert not any((overview.weak_segments, overview.trends, overview.recoveries))
    assert not any(flow.helps for flow in overview.flows)
