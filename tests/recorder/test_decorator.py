"""Functions whose calls are recorded."""

from collections.abc import AsyncIterator, Iterator

import pytest

from reverie.recorder.recording import current_session
from tests.recorder.conftest import Desk, told


def test_a_lone_text_is_asked_and_what_is_returned_is_said(desk: Desk) -> None:
    class Agent:
        @desk.record(agent="echo")
        def run(self, question: str) -> str:
            """Says it again."""
            assert current_session() is not None
            return question.upper()

    assert Agent().run("hello") == "HELLO"
    assert (Agent.run.__name__, Agent.run.__doc__) == ("run", "Says it again.")
    (found,) = desk.arrived()
    assert told(found) == [("user.message", "hello"), ("agent.message", "HELLO")]


async def test_arguments_are_asked_by_their_names_and_coroutines_within_are_threads(desk: Desk) -> None:
    @desk.record(agent="adder")
    async def add(left: int, right: int = 2) -> int:
        return left + right

    @desk.record(agent="boss")
    async def boss() -> None:
        await add(1, right=4)

    await boss()
    (found,) = desk.arrived()
    assert told(found) == []
    assert told(found, "adder") == [
        ("agent.thread_message_received", '{"left":1,"right":4}'),
        ("agent.message", "5"),
    ]


def test_an_error_passes_through_as_it_is(desk: Desk) -> None:
    error = ValueError("no")

    @desk.record()
    def fail(*, why: str) -> None:  # noqa: ARG001 - what it is asked
        raise error

    with pytest.raises(ValueError) as caught:
        fail(why="because")
    with pytest.raises(TypeError, match="unexpected keyword argument 'who'"):
        fail(who="me")  # type: ignore[call-arg]
    first, second = desk.arrived()
    assert caught.value is error
    assert [event.type for event in first.events] == ["user.message", "session.error"]
    assert [event.type for event in second.events] == ["session.error"]


async def test_what_generators_yield_is_said_and_the_caller_is_not_recorded_between(desk: Desk) -> None:
    @desk.record()
    def words(text: str) -> Iterator[str]:
        for word in text.split():
            assert current_session() is not None
            yield word

    @desk.record()
    async def numbers(most: int) -> AsyncIterator[int]:
        for number in range(most):
            yield number

    for _ in words("one two"):
        assert current_session() is None
    assert next(iter(words("left early"))) == "left"
    assert [number async for number in numbers(3)] == [0, 1, 2]
    found = [told(one) for one in desk.arrived()]
    assert found == [
        [("user.message", "one two"), ("agent.message", "onetwo")],
        [("user.message", "left early"), ("agent.message", "left")],
        [("user.message", '{"most":3}'), ("agent.message", "[0,1,2]")],
    ]
