"""Whatever runs beside whatever: what is recorded is what was said."""

import asyncio
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reverie.recorder.line import Begun, Ended, Happened, assemble, encode
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript
from tests.recorder.conftest import Desk, Shelf, told

SPEECHES = st.lists(st.lists(st.text(max_size=20), max_size=4), min_size=1, max_size=4)
"""What each of several agents says, one after the other."""


def recorded(desk: Desk) -> Transcript:
    (found,) = desk.arrived()
    desk.end()
    return found


def said(found: Transcript, number: int) -> list[str]:
    """What the agent of this number said, in order."""
    return [text for _, text in told(found, f"agent {number}")]


@given(SPEECHES, st.randoms(use_true_random=False))
def test_tasks_that_take_turns_in_any_order_are_recorded_each_in_its_thread(speeches, chance) -> None:  # type: ignore[no-untyped-def]
    async def speak(desk: Desk, number: int, texts: list[str]) -> None:
        async with desk.record(agent=f"agent {number}") as session:
            for text in texts:
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                session.assistant(text)

    async def all_speak(desk: Desk) -> None:
        async with desk.record(), asyncio.TaskGroup() as group:
            for number, texts in enumerate(speeches):
                group.create_task(speak(desk, number, texts))

    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), Shelf())
        asyncio.run(all_speak(desk))
        found = recorded(desk)
    assert [said(found, number) for number in range(len(speeches))] == speeches


@given(SPEECHES)
def test_threads_that_speak_at_once_are_recorded_each_in_order(speeches: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), Shelf())
        with desk.record() as session:
            inner = [session.begin_thread(f"agent {number}") for number in range(len(speeches))]

            def speak(number: int) -> None:
                for text in speeches[number]:
                    inner[number].assistant(text)
                inner[number].end()

            running = [threading.Thread(target=speak, args=[number]) for number in range(len(speeches))]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
        found = recorded(desk)
    assert [said(found, number) for number in range(len(speeches))] == speeches


@given(st.lists(st.text(max_size=10), max_size=6), st.data())
def test_what_is_left_of_a_killed_program_is_a_beginning_of_its_session(texts: list[str], data: st.DataObject) -> None:
    events = [Event("agent.message", {"content": [{"type": "text", "text": text}]}) for text in texts]
    begun = encode(Begun(Session("s", "recorder")))
    whole = begun + b"".join(encode(Happened(event)) for event in events)
    cut = data.draw(st.integers(len(begun), len(whole)))
    found = assemble(whole[:cut].splitlines(keepends=True))
    assert found is not None
    assert list(found.events) == events[: len(found.events)]
    assert found.session.metadata["interrupted"] == "true"
    assert len(found.events) >= whole[:cut].count(b"\n") - 1


def test_a_result_whose_call_was_lost_stays_and_answers_nothing() -> None:
    result = Event("agent.tool_result", {"content": [], "name": "find"})
    begun, ended = Begun(Session("s", "recorder")), Ended(datetime(2026, 1, 1, tzinfo=UTC))
    found = assemble([encode(begun), encode(Happened(result, answers=1)), encode(ended)])
    assert found is not None and found.events[0].payload["tool_use_id"] is None
