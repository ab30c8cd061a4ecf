"""Which behaviours a session shows, and the events that prove them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reverie.digests.behaviour_name import SESSION, BehaviourName, called
from reverie.digests.digest import Behaviour
from reverie.sessions.event import Event
from tests.digests.made_events import call, digested, names, result, said, thought, user


def test_calls_questions_and_confirmations_are_proved_by_their_first_event() -> None:
    digest = digested(user(), said("Which one?"), user(), call("refund", id=1), result(), call("refund", id=2))
    found = {behaviour.name.text: behaviour for behaviour in digest.behaviours if behaviour.situation == SESSION}
    assert found["ask"] == Behaviour(SESSION, BehaviourName("ask"), "choice", sequence=1, step=0)
    assert found["call:refund"] == Behaviour(SESSION, called("refund"), "choice", sequence=3, step=1)
    assert "confirm" not in found and "answer" not in found


def test_consecutive_tools_make_an_order_within_one_thread() -> None:
    digest = digested(call("a"), call("b", thread="helper"), result(), said("Well."), call("c"), call("c"))
    assert {name for name in names(digest) if name.startswith("then:")} == {"then:a→c"}


def test_an_identical_call_is_a_repeat_whatever_the_order_of_its_arguments() -> None:
    digest = digested(call("a", x=1, y=2), result(), call("a", y=2, x=1))
    repeated = next(behaviour for behaviour in digest.behaviours if behaviour.name.text == "repeat:a")
    assert (repeated.kind, repeated.sequence) == ("marker", 2)
    assert "repeat:a" not in names(digested(call("a", x=1), call("a", x=2)))


def test_a_retry_changes_the_input_of_the_call_that_just_failed() -> None:
    failure = (call("a", x=1), result("not found", error=True))
    assert "retry:a" in names(digested(*failure, said("Let me try again."), call("a", x=2)))
    assert "retry:a" not in names(digested(*failure, call("a", x=1)))
    assert "retry:a" not in names(digested(*failure, call("b"), call("a", x=2)))
    assert "retry:a" not in names(digested(*failure, user("Try 2"), call("a", x=2)))


def test_pipelines_show_every_command_and_construct() -> None:
    digest = digested(call("Bash", command="find . | grep x", timeout=5))
    assert {"call:bash:find", "call:bash:grep", "use:bash pipe", "args:Bash.timeout"} <= names(digest)
    assert "args:Bash.command" not in names(digest)


def test_escalation_by_tool_counts_like_escalation_by_words() -> None:
    assert "escalation" in names(digested(call("transfer_to_human_agents", summary="x")))
    assert "escalation" in names(digested(said("I am transferring you to a human agent.")))


def test_a_plan_counts_only_before_the_first_tool_call() -> None:
    plan = thought("1. look\n2. act")
    assert {"plan", "think"} <= names(digested(user(), plan, call("a")))
    late = digested(user(), call("a"), result(), plan)
    assert "plan" not in names(late) and "think" in names(late)


def test_errors_and_empty_results_are_markers_proved_by_the_result() -> None:
    digest = digested(call("get_user"), result("not found", to=0, error=True), call("get_user"), result("[]", to=2))
    markers = {(b.name.text, b.kind, b.sequence, b.step) for b in digest.behaviours if b.situation == SESSION}
    assert {("error:not found", "marker", 1, 1), ("empty result", "marker", 3, 2)} <= markers
    assert digest.errors == 1


@pytest.mark.parametrize(
    ("made", "text", "empty"),
    [
        (call("search_kb", q="x"), "", True),
        (call("think", thought="x"), "", False),
        (call("bash", command="grep x f"), "", True),
        (call("bash", command="mkdir d"), "", False),
        (call("bash", command="ls > f"), "", False),
        (call("bash", command="ls 2>/dev/null"), "", True),
        (call("sql", query="SELECT 1 FROM t"), "[]", True),
        (call("sql", query="UPDATE t SET a = 1"), "", False),
        (call("cancel_order", id=1), "null", True),
    ],
)
def test_silence_is_an_empty_result_only_where_something_was_looked_for(made: Event, text: str, empty: bool) -> None:
    assert ("empty result" in names(digested(made, result(text, to=0)))) == empty


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"limit": 5, "fuzzy": True, "rate": 0.25}, {"limit=5", "fuzzy=true", "rate=0.25"}),
        ({"sort_order": "newest_first", "cabin": "economy", "depth": "3"},
         {"sort_order=newest_first", "cabin=economy", "depth=3"}),
        ({"order_id": 12, "orderNumber": 3, "amount": 40, "zip": "19122", "day": 3}, set()),
        ({"city": "paris", "query": "shoes", "note": "urgent", "table": "singer"}, set()),
        ({"mode": "Very long text with spaces", "who": "Mia", "code": "W12", "big": 12345678, "none": None}, set()),
        ({"tags": ["a"], "options": {"limit": 3}}, set()),
    ],
)  # fmt: skip
def test_only_values_that_look_like_settings_are_kept(arguments: dict[str, Any], shown: set[str]) -> None:
    found = {name for name in names(digested(call("t", **arguments))) if name.startswith("arg:")}
    assert found == {f"arg:t.{value}" for value in shown}


def test_of_an_argument_that_keeps_changing_the_first_three_values_are_kept() -> None:
    digest = digested(*(call("t", limit=limit) for limit in (9, 8, 9, 7, 6, 9)))
    assert {name for name in names(digest) if name.startswith("arg:")} == {f"arg:t.limit={n}" for n in (9, 8, 7)}


def test_the_text_of_a_command_is_no_setting() -> None:
    assert "arg:Bash.timeout=5" in names(digested(call("Bash", command="ls", timeout=5)))
    assert "arg:Bash.command=ls" not in names(digested(call("Bash", command="ls")))


@pytest.mark.parametrize(
    ("made", "reads"),
    [
        (call("memory_search", query="refunds"), True),
        (call("recall", query="refunds"), True),
        (call("memory_write", text="x"), False),
        (call("memory", command="view", path="/memories"), True),
        (call("memory", command="create", path="/memories/a.md"), False),
        (call("read", file_path="/mnt/memory/store/a.md"), True),
        (call("write", file_path="/mnt/memory/store/a.md"), False),
        (call("str_replace_based_edit_tool", command="view", path="/mnt/memory/a.md"), True),
        (call("bash", command="cat /mnt/memory/store/*.md"), True),
        (call("bash", command="echo x > /mnt/memory/store/a.md"), False),
        (call("read", file_path="/srv/memory.md"), False),
    ],
)
def test_looking_into_memory_is_told_by_the_tool_or_the_path(made: Event, reads: bool) -> None:
    assert ("reads memory" in names(digested(made))) == reads


def test_repeating_a_message_word_for_word_is_a_fallback() -> None:
    again = said("Your order is on its way to you.")
    repeated = next(b for b in digested(again, user(), again).behaviours if b.name.text == "fallback")
    assert (repeated.kind, repeated.sequence) == ("manner", 2)
    assert "fallback" not in names(digested(said("Done."), user(), said("Done.")))
    assert "fallback" not in names(digested(again, said("Your order is on its way to you.", thread="helper")))


def test_actions_are_the_calls_in_order() -> None:
    digest = digested(call("a"), said("Hm."), call("Bash", command="cd /srv && ls"), call("a"))
    assert digest.actions == (called("a"), called("bash:ls"), called("a"))
    assert len(digested(*(call("a") for _ in range(400))).actions) == 300


def test_a_new_thread_is_a_hand_off_named_when_it_has_a_name() -> None:
    digest = digested(said("Go.", thread="planner"), said("On it.", thread="coder"), call("a", thread="agent-7f3"))
    assert {name for name in names(digest) if name.startswith("hand-off")} == {
        "hand-off:coder",
        "hand-off:another agent",
    }


@pytest.mark.parametrize(("length", "shown"), [(100, {"short reply"}), (300, set()), (700, {"long reply"})])
def test_only_the_first_message_is_judged_by_its_length(length: int, shown: set[str]) -> None:
    digest = digested(said("x" * length), said("x" * 300), said("x"), said("x" * 900))
    assert names(digest) & {"short reply", "long reply"} == shown


def test_totals_come_from_the_events() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    usage = {"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": None}
    spent = Event("span.model_request_end", {"model_usage": usage, "cost_usd": 0.5}, at=start + timedelta(seconds=9))
    digest = digested(Event("user.message", {"content": "x" * 3000}, at=start), said("Hi."), spent, spent)
    assert (digest.opening, digest.steps) == ("x" * 2000, 1)
    assert (digest.input_tokens, digest.output_tokens, digest.cost_usd, digest.seconds) == (30, 6, 1.0, 9.0)


def test_an_empty_session_has_an_empty_digest() -> None:
    digest = digested()
    assert (digest.opening, digest.steps, digest.situations, digest.behaviours) == ("", 0, (), ())
    assert (digest.seconds, digest.cost_usd) == (None, None)
