"""Charters: read from files, what a session shows of their behaviours, and watches as folds over numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import InputError
from reverie.ids import event_id
from reverie.runtime.charter import Charter
from reverie.runtime.charter_file import charter_document, load_charter, read_charter
from reverie.runtime.charter_judgement import Judge
from reverie.runtime.charter_trial import Seen, replay
from reverie.runtime.charter_watch import begin, watch_all
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript

CHARTER = """
run_length: 500
behaviours:
  - name: verifies-first
    shows: {kind: calls, tool: verify, before: refund}
    at_least: 0.95
    alarm: pause
  - name: asks-first
    shows: {kind: behaviour, label: before refund | ask}
    at_least: 0.5
  - name: is-refused
    shows: {kind: rule, rule: no-deleting}
    at_most: 0.05
  - name: changes-unasked
    shows: {kind: outside_intent}
    at_most: 0.2
  - name: greets
    shows: {kind: says, pattern: good day}
    tasks: [desk, 'shop*']
    at_least: 0.3
    at_most: 0.9
"""


def session(opening: str, *calls: str, says: str = "Done.", category: str | None = None) -> Transcript:
    """A session in which one user asks, and an agent calls tools and then says something."""
    events = [Event("user.message", {"content": [{"type": "text", "text": opening}]})]
    for name in calls:
        link = event_id("s", len(events))
        events.append(Event("agent.tool_use", {"name": name, "input": {}}))
        content = [{"type": "text", "text": "ok"}]
        events.append(Event("agent.tool_result", {"tool_use_id": link, "content": content}))
    events.append(Event("agent.message", {"content": [{"type": "text", "text": says}]}))
    return Transcript(Session("s", "test", task_category=category), tuple(events))


def shown(transcript: Transcript, fired: frozenset[str] | None = None) -> dict[str, float]:
    return Judge(load_charter(CHARTER, "charter.yaml")).judge(transcript, fired)


def test_a_charter_that_is_shown_can_be_set_again() -> None:
    charter = load_charter(CHARTER, "charter.yaml")
    assert (charter.run_length, charter.rest_minutes, len(charter.behaviours)) == (500, 10.0, 5)
    assert read_charter(charter_document(charter)) == charter
    assert read_charter({}) == Charter()


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("{name: a, shows: {kind: calls, tol: x}, at_least: 1}", "behaviour a: shows.tol: no such field; did you mean"),
        (
            "{name: a, shows: {kind: cals, tool: x}, at_least: 1}",
            "behaviour a: shows.kind: give one of behaviour, calls",
        ),
        ("{name: a, shows: {kind: calls, tool: x}}", "behaviour a: at_least: every rate is allowed"),
        ("{name: a, shows: {kind: calls, tool: x}, at_least: 2}", "behaviour a: at_least: expected float <= 1.0"),
        ("{name: a, shows: {kind: calls, tool: x}, at_least: .6, at_most: .5}", "behaviour a: at_least: 0.6 is above"),
        ("{name: a, shows: {kind: says, pattern: '('}, at_least: .6}", "behaviour a: shows: the pattern"),
        ("{name: a, shows: {kind: behaviour, label: sings}, at_least: .6}", "behaviour a: shows.label: “sings” is no"),
        ("{name: a, shows: {kind: rule, rule: x}, at_most: .1, alarm: stop}", "alarm: invalid enum value 'stop'; give"),
        ("{shows: {kind: rule, rule: x}, at_most: .1}", "behaviour number 1: name: is missing"),
    ],
)
def test_a_behaviour_that_cannot_be_is_refused_by_name_and_field(behaviour: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        load_charter(f"behaviours:\n  - {behaviour}", "charter.yaml")
    assert str(refused.value).startswith("charter.yaml: behaviour") and told in str(refused.value)


def test_names_are_given_once_and_fields_of_the_charter_are_known() -> None:
    one = {"name": "a", "shows": {"kind": "rule", "rule": "x"}, "at_most": 0.1}
    with pytest.raises(InputError, match="another one has it"):
        read_charter([one, one])
    with pytest.raises(InputError, match="run_lenght: no such field; did you mean run_length"):
        read_charter({"behaviours": [one], "run_lenght": 5})
    with pytest.raises(InputError, match="run_length: expected int >= 100"):
        read_charter({"behaviours": [one], "run_length": 5})


def test_a_behaviour_with_a_moment_is_counted_among_sessions_that_come_to_it() -> None:
    assert "verifies-first" not in shown(session("Hello", "lookup"))
    assert shown(session("Hello", "verify", "refund"))["verifies-first"] == 1.0
    assert shown(session("Hello", "refund", "verify"))["verifies-first"] == 0.0
    assert shown(session("Hello", "refund"))["asks-first"] == 0.0
    assert "asks-first" not in shown(session("Hello", "verify"))


def test_a_rule_is_counted_where_rules_were_asked() -> None:
    transcript = session("Hello", "rm")
    assert "is-refused" not in shown(transcript)
    assert shown(transcript, frozenset())["is-refused"] == 0.0
    assert shown(transcript, frozenset({"no-deleting"}))["is-refused"] == 1.0


def test_changes_are_counted_in_sessions_that_only_ask() -> None:
    assert shown(session("How many orders are there?", "get_orders", "cancel_order"))["changes-unasked"] == 0.5
    assert shown(session("How many orders are there?"))["changes-unasked"] == 0.0
    assert "changes-unasked" not in shown(session("Please cancel my order", "cancel_order"))


def test_task_categories_choose_the_sessions() -> None:
    assert shown(session("Hello", says="Good day!", category="shopping"))["greets"] == 1.0
    assert shown(session("Hello", category="desk"))["greets"] == 0.0
    assert "greets" not in shown(session("Hello", says="Good day!", category="other"))
    assert "greets" not in shown(session("Hello", says="Good day!"))


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, 60))
def test_a_watch_is_the_same_in_one_go_and_in_parts(values: list[float], cut: int) -> None:
    behaviour = load_charter(CHARTER, "charter.yaml").behaviours[4]
    parts = watch_all(behaviour, values[:cut])
    for value in values[cut:]:
        parts = parts.take_in(value)
    assert parts == watch_all(behaviour, values)
    assert begin(behaviour) == watch_all(behaviour, [])


def test_a_replay_tells_where_alarms_would_have_been_and_begins_anew_after_each() -> None:
    charter = load_charter(CHARTER, "charter.yaml")
    values: list[Any] = [1.0] * 50 + [0.0] * 40
    seen = [Seen(f"s{place}", "desk", None, {"verifies-first": value}) for place, value in enumerate(values)]
    report = replay(charter, seen, 2)
    trial = report.behaviours[0]
    assert (report.sessions, report.unfinished, trial.sessions, trial.rate) == (90, 2, 90, 50 / 90)
    first = trial.alarms[0]
    assert first.numbers.sessions == int(first.session_id[1:]) + 1 == 53
    assert first.numbers.value >= 500 and first.numbers.recent == 47 / 50
    assert len(trial.alarms) == 5 and trial.more_alarms > 0
    assert report.behaviours[1].rate is None
