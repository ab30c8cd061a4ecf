"""What calls do and what requests ask for, as far as names and words tell."""

import pytest

from reverie.digests.effect import effect_of, only_asks
from reverie.digests.moments import Call, read_moments
from reverie.sessions.event import Event


def called(tool: str, **given: object) -> Call:
    (moment,) = read_moments([Event("agent.tool_use", {"name": tool, "input": given})])
    assert isinstance(moment, Call)
    return moment


@pytest.mark.parametrize("tool", ["get_order", "search_store", "listReservations", "read", "mcp__store__find_item"])
def test_names_that_begin_by_looking_only_look(tool: str) -> None:
    assert effect_of(called(tool)) == "looks"


@pytest.mark.parametrize("tool", ["cancel_order", "bookFlight", "edit", "mcp__search__delete_item", "send_email"])
def test_names_that_begin_by_changing_change(tool: str) -> None:
    assert effect_of(called(tool)) == "changes"


@pytest.mark.parametrize(
    ("tool", "given", "effect"),
    [
        ("sql", {"query": "SELECT a FROM t"}, "looks"),
        ("sql", {"query": "DELETE FROM t"}, "changes"),
        ("bash", {"command": "ls | grep x"}, "looks"),
        ("bash", {"command": "ls > out.txt"}, "changes"),
        ("bash", {"command": "ls; rm -r x"}, "changes"),
        ("bash", {"command": "python job.py"}, "unknown"),
        ("frobnicate", {}, "unknown"),
    ],
)
def test_code_is_told_by_its_commands(tool: str, given: dict[str, object], effect: str) -> None:
    assert effect_of(called(tool, **given)) == effect


def test_a_request_that_asks_to_be_told_only_asks() -> None:
    assert only_asks("How many singers are there?") is True
    assert only_asks("Please cancel my order") is False
    assert only_asks("Hmm.") is None
