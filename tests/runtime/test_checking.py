"""Whom a cross-check asks, and what its threads came to."""

from typing import Any

import pytest

from reverie.runtime.checking import Question, Said, read_question, said_in
from reverie.runtime.conversation import ThreadEvent


def agent(**models: str) -> dict[str, Any]:
    entries = [{"id": name, "name": name, "model": {"id": model}} for name, model in models.items()]
    return {"multiagent": {"type": "coordinator", "agents": entries}}


TEAM = agent(ann="one", bob="one", eve="two", zoe="three")


@pytest.mark.parametrize(
    ("given", "judge", "asked"),
    [
        ({}, None, ("ann", "eve", "zoe")),
        ({"n": 4}, None, ("ann", "eve", "zoe", "bob")),
        ({"n": 5}, None, ("ann", "eve", "zoe", "bob", "ann")),
        ({}, "eve", ("ann", "zoe", "bob")),
        ({"agents": ["bob"]}, None, ("bob", "bob")),
        ({"agents": ["bob", "eve"], "n": 3}, "eve", ("bob", "eve", "bob")),
    ],
)
def test_those_with_models_of_their_own_are_asked_first_and_the_judge_only_by_name(
    given: dict[str, Any], judge: str | None, asked: tuple[str, ...]
) -> None:
    assert read_question({"question": "Why?", **given}, TEAM, judge) == Question("Why?", asked)


def log(*events: tuple[str, dict[str, Any]]) -> list[ThreadEvent]:
    return [ThreadEvent(str(place), place, type_, payload) for place, (type_, payload) in enumerate(events)]


def sent(text: str) -> tuple[str, dict[str, Any]]:
    return "agent.thread_message_sent", {"content": [{"type": "text", "text": text}]}


def rested(reason: str) -> tuple[str, dict[str, Any]]:
    return "session.thread_status_idle", {"stop_reason": {"type": reason}}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([sent("Wait."), sent("42"), rested("end_turn")], Said("42")),
        ([sent("42"), rested("requires_action"), sent("43"), rested("end_turn")], Said("43")),
        ([sent("I stopped."), rested("budget_reached")], Said(None, "the session's budget is spent: I stopped.")),
        ([sent("I may not."), rested("refusal")], Said(None, "it refused: I may not.")),
        ([rested("retries_exhausted")], Said(None, "its requests failed")),
        ([], Said(None, "it was stopped, or its thread archived, before it answered")),
        ([sent("  "), rested("end_turn")], Said(None, "it was stopped, or its thread archived, before it answered")),
    ],
)
def test_a_thread_has_answered_only_where_it_came_to_its_end(
    events: list[tuple[str, dict[str, Any]]], said: Said
) -> None:
    assert said_in(log(*events)) == said
