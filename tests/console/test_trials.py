"""Trials in the console: what waits for a person, how a trial stands, and what a person decides."""

from random import Random

import pytest
import pytest_asyncio

from reverie.storage.live.trials import TrialRow
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Screen, Visitor, browsing, visiting
from tests.jobs.tried import Tried, chances, open_tried

HOSTILE = '<script>alert(1)</script> "><img src=x onerror=alert(2)> [x](javascript:alert(3)) — Zuerst prüfen 先检查'


@pytest_asyncio.fixture
async def tried(console: Server) -> Tried:
    """A store of the console's server, whose trials a person decides; one trial has sessions enough for harm."""
    tried = await open_tried(console.service.database, mode="ask")
    tried.now = console.service.clock.now()
    return tried


async def harmful(tried: Tried, advice: str = HOSTILE) -> TrialRow:
    """A trial whose sessions say that it does harm, so that a person is asked."""
    trial = await tried.begin(advice)
    await tried.sessions(120, chances(Random(1), hidden=0.9, shown=0.2), advice=advice)
    await tried.look(trial.id)
    return trial


async def test_without_trials_the_page_says_how_to_begin_one(visitor: Visitor) -> None:
    answer = await visitor.get("/console/trials")
    assert answer.status_code == 200 and "reverie trials start STORE" in answer.text


async def test_what_waits_for_a_person_stands_first_with_its_effect(tried: Tried, visitor: Visitor) -> None:
    trial = await harmful(tried)
    other = await tried.begin("Be kind")
    text = (await visitor.get("/console/trials")).text
    waiting, _, everything = text.partition("All trials")
    assert "Waiting for a person" in waiting and trial.id in waiting and other.id not in waiting
    assert "a person is to decide; outcomes say roll back" in waiting
    assert trial.id in everything and other.id in everything


async def test_a_trial_is_told_with_chart_table_arms_and_what_is_watched(tried: Tried, visitor: Visitor) -> None:
    trial = await harmful(tried)
    text = (await visitor.get(f"/console/trials/{trial.id}")).text
    assert text.count("<svg") == 2 and "Effect over sessions</title>" in text
    assert "Months to go, at the most" in text and "Guardrail unscored" in text
    assert "reached" in text and "Nothing is decided yet" in text


async def test_no_word_of_a_trial_is_markup(tried: Tried, visitor: Visitor) -> None:
    trial = await tried.begin(HOSTILE)
    for path in ("", f"/{trial.id}", f"/{trial.id}/decide?act=adopt"):
        text = (await visitor.get(f"/console/trials{path}")).text
        assert "<script>alert" not in text and "<img" not in text and "&lt;script&gt;alert(1)" in text


async def test_a_decision_is_asked_for_done_with_its_note_and_taken_back(tried: Tried, visitor: Visitor) -> None:
    trial = await tried.begin("Be kind")
    page = f"/console/trials/{trial.id}"
    asked = await visitor.get(f"{page}/decide?act=adopt")
    assert "Every session is shown it from now on" in asked.text
    done = await visitor.send(f"{page}/decide?act=adopt", f"{page}/decide", act="adopt", note="it is the law")
    assert done.url.path == page and "Decided: ended." in done.text and "it is the law" in done.text
    assert len(await tried.paths()) == 1
    undone = await visitor.send(page, f"{page}/undo")
    assert "The last decision is taken back." in undone.text and await tried.paths() == []
    assert "/undo" not in (await visitor.get(page)).text


async def test_a_look_brings_the_numbers_up_to_date(tried: Tried, visitor: Visitor) -> None:
    trial = await tried.begin("Be kind")
    page = f"/console/trials/{trial.id}"
    assert "Looked: trial." in (await visitor.send(page, f"{page}/look")).text


async def test_what_cannot_be_decided_or_is_not_there_is_said(tried: Tried, visitor: Visitor) -> None:
    trial = await tried.begin("Be kind")
    page = f"/console/trials/{trial.id}"
    refused = await visitor.send(page, f"{page}/undo")
    assert "has no decision that could be taken back" in refused.text
    assert (await visitor.get(f"{page}/decide?act=burn")).status_code == 404
    assert (await visitor.get("/console/trials/trl_nobody")).status_code == 404


async def test_a_key_that_reads_sees_trials_and_decides_nothing(console: Server, tried: Tried) -> None:
    trial = await tried.begin("Be kind")
    page = f"/console/trials/{trial.id}"
    async with visiting(console, "read") as reader:
        text = (await reader.get(page)).text
        assert "Be kind" in text and "Look now" not in text and "/decide" not in text
        refused = await reader.send(page, f"{page}/decide", act="end")
        assert "needs a key of role admin" in refused.text
    assert "Nothing is decided yet" in text


async def test_trials_are_paged_and_found_by_state_and_store(tried: Tried, visitor: Visitor) -> None:
    ids = []
    for number in range(26):
        tried.later()
        ids.append((await tried.begin(f"Do number {number}")).id)
    first = (await visitor.get("/console/trials")).text
    assert ids[0] not in first and ids[-1] in first
    following = first.partition('class="pager"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    assert ids[0] in (await visitor.get(following)).text
    assert "No trial is like that" in (await visitor.get("/console/trials?state=frozen")).text
    assert ids[-1] in (await visitor.get(f"/console/trials?store={tried.store_id}&state=trial")).text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_are_without_fault_at_every_size(console: Server, tried: Tried, dark: bool) -> None:
    trial = await harmful(tried, HOSTILE + " x" * 150)
    async with browsing(console, dark=dark) as screen:
        for size in (DESKTOP, PHONE):
            await screen.page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("", f"/{trial.id}", f"/{trial.id}/decide?act=roll_back"):
                await screen.open(f"/console/trials{path}")
                await screen.check()


async def test_a_trial_is_decided_by_keyboard(tried: Tried, screen: Screen) -> None:
    trial = await tried.begin("Be kind")
    await screen.open(f"/console/trials/{trial.id}")
    await screen.page.get_by_role("link", name="Stop …").focus()
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_label("Why (is kept with the decision)").fill("the shop does it now")
    await screen.page.keyboard.press("Tab")
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_text("Decided: ended.").wait_for()
    assert screen.said == []
