"""Which sessions are read side by side, and how much of them."""

import numpy as np
import pytest

from reverie.assist.budget import estimate_tokens
from reverie.assist.pairs import choose_pairs, render_excerpt
from reverie.sessions.event import Event, text_content
from reverie.statistics.corpus import Corpus, form_strata
from tests.digests.made_events import call, result, said, transcript, user
from tests.statistics.simulated import Simulation

LONG = transcript(
    user("Please refund order 12."),
    *(event for i in range(200) for event in (call("look", n=i), result(f"row {i} " + "x" * 3_000))),
    said("That is settled now."),
)


def corpus() -> Corpus:
    simulation = Simulation(3, tasks=40, per_task=6, behaviours=2)
    simulation.variant = np.tile([0, 0, 0, 1, 1, 1], 40)
    return simulation.corpus()


def test_pairs_come_from_one_stratum_with_the_better_one_first_and_one_variant_where_possible() -> None:
    sessions = corpus()
    place = {session_id: i for i, session_id in enumerate(sessions.session_ids)}
    pairs = choose_pairs(sessions, form_strata(sessions), 8)
    chosen = [(place[pair.better], place[pair.worse]) for pair in pairs]
    assert len(chosen) == 8 == len({sessions.task[better] for better, _ in chosen})
    assert all(sessions.task[better] == sessions.task[worse] for better, worse in chosen)
    assert all(sessions.reward[better] > sessions.reward[worse] for better, worse in chosen)
    assert sum(sessions.variant[better] == sessions.variant[worse] for better, worse in chosen) >= 6


def test_sessions_kept_for_confirmation_are_never_read() -> None:
    sessions = corpus()
    strata = form_strata(sessions)
    kept = {name for name, aside in zip(sessions.session_ids, strata.confirmation, strict=True) if aside}
    pairs = choose_pairs(sessions, strata, 1_000)
    assert pairs and not kept & {session_id for pair in pairs for session_id in (pair.better, pair.worse)}


def test_the_choice_is_always_the_same() -> None:
    sessions = corpus()
    assert choose_pairs(sessions, form_strata(sessions), 5) == choose_pairs(sessions, form_strata(sessions), 5)


def test_sessions_that_all_ended_alike_give_no_pair() -> None:
    simulation = Simulation(3, tasks=10, per_task=4, behaviours=2)
    sessions = simulation.corpus(np.ones(40))
    assert choose_pairs(sessions, form_strata(sessions), 5) == ()


@pytest.mark.parametrize("most", [200, 1_000, 5_000, 30_000])
def test_an_excerpt_fits_and_keeps_beginning_and_end(most: int) -> None:
    excerpt = render_excerpt(LONG, most)
    assert estimate_tokens(excerpt) <= most + 20
    assert excerpt.startswith("user: Please refund order 12.") and excerpt.endswith("agent: That is settled now.")


def test_a_short_transcript_is_shown_whole_with_who_did_what() -> None:
    told = transcript(user("Hi"), call("look", n=1), result("Unknown column", error=True), said("Sorry."))
    assert render_excerpt(told, 1_000).split("\n") == [
        "user: Hi",
        'agent, tool call: look({"n":1})',
        "tool, tool result (failed): Unknown column",
        "agent: Sorry.",
    ]


def unflagged(text: str) -> Event:
    return Event("agent.tool_result", {"content": text_content(text), "name": "look"})


def test_a_result_that_says_so_itself_is_shown_as_failed() -> None:
    excerpt = render_excerpt(
        transcript(call("look", n=1), unflagged("Error: no such order"), unflagged("found")), 1_000
    )
    assert "tool, tool result (failed): Error: no such order" in excerpt
    assert "tool, tool result: found" in excerpt
