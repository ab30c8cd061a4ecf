"""Briefings for agents that run elsewhere, and the outcomes that come back by an import."""

from typing import Any

import msgspec
from anthropic import NotFoundError
from httpx2 import AsyncClient
from pytest import raises

from reverie import AsyncClient as Reverie
from tests.jobs.tried import ADVICE, Tried

MESSAGES = [{"role": "user", "content": "How many are open?"}, {"role": "assistant", "content": "Three."}]


async def imported(http: AsyncClient, *sessions: dict[str, Any]) -> None:
    """Sessions that ran elsewhere, as their runner hands them in."""
    lines = b"".join(msgspec.json.encode({"messages": MESSAGES, **session}) + b"\n" for session in sessions)
    answer = await http.post("/v1/session_imports?filename=runs.jsonl", content=lines)
    assert answer.json()["sessions"]["created"] == len(sessions), answer.text


async def test_a_session_elsewhere_is_briefed_imported_with_its_score_and_counted(
    tried: Tried, reverie: Reverie, http: AsyncClient
) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    by_metadata = [await reverie.brief([tried.store_id], agent="clerk") for _ in range(12)]
    by_reference = [await reverie.brief([tried.store_id], agent="clerk", reference=f"run-{n}") for n in range(12)]
    given = [*by_metadata, *by_reference]
    seen = [ADVICE in one.text for one in given]
    assert [[item.subject for item in one.shown] for one in given] == [[*trial.subject.ids] if x else [] for x in seen]
    assert 0 < sum(seen) < 24
    assert (await reverie.look_at_trial(trial.id)).numbers.sessions == 0
    await imported(
        http,
        *(
            {"id": f"mine-{n}", "reward": 1.0, "metadata": {"reverie_briefing": one.id}}
            for n, one in enumerate(by_metadata)
        ),
        *({"id": f"run-{n}", "reward": 1.0} for n in range(12)),
    )
    numbers = (await reverie.look_at_trial(trial.id)).numbers
    assert (numbers.sessions, numbers.shown, numbers.waiting) == (24, sum(seen), 0)
    assert (numbers.reward_shown, numbers.reward_hidden) == (1.0, 1.0)


async def test_a_reference_that_is_asked_for_again_has_the_briefing_that_it_had(tried: Tried, reverie: Reverie) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    first = [await reverie.brief([tried.store_id], reference=f"run-{n}") for n in range(8)]
    again = [await reverie.brief([tried.store_id], reference=f"run-{n}", query="anything") for n in range(8)]
    assert again == first and len({one.text for one in first}) == 2
    assert (await reverie.trial(trial.id)).numbers.waiting == 8
    assert await reverie.briefing(first[0].id) == first[0]


async def test_a_reference_to_a_session_that_is_here_is_drawn_as_that_session(tried: Tried, reverie: Reverie) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    own = [(await tried.session()).text for _ in range(8)]
    asked = [(await reverie.brief([tried.store_id], reference=f"sesn_{n + 1:05d}")).text for n in range(8)]
    assert asked == own
    assert (await reverie.trial(trial.id)).numbers.waiting == 8


async def test_what_a_briefing_says_does_not_tell_what_was_hidden(
    tried: Tried, reverie: Reverie, http: AsyncClient
) -> None:
    trial = await reverie.start_trial(tried.store_id, advice=ADVICE)
    answers = [(await http.post("/v1/briefings", json={"memory_store_ids": [tried.store_id]})) for _ in range(12)]
    without = [answer for answer in answers if ADVICE not in answer.text]
    assert without and not any(trial.id in answer.text for answer in answers)
    assert not any(subject in answer.text for answer in without for subject in trial.subject.ids)


async def test_a_briefing_needs_stores_that_there_are(reverie: Reverie, http: AsyncClient) -> None:
    with raises(NotFoundError, match="memstore_nobody"):
        await reverie.brief(["memstore_nobody"])
    with raises(NotFoundError, match="there is no briefing 'brf_nobody'"):
        await reverie.briefing("brf_nobody")
    assert (await http.post("/v1/briefings", json={"memory_store_ids": []})).status_code == 400


async def test_a_store_without_anything_to_say_gives_an_empty_briefing(tried: Tried, reverie: Reverie) -> None:
    given = await reverie.brief([tried.store_id, tried.store_id])
    assert (given.text, given.shown, given.reference) == ("", (), None)
