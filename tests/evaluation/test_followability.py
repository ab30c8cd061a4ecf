"""The agent of the followability measure does what words say, and nothing that they do not say."""

from random import Random

import msgspec
import pytest
from evaluation.followability import Told, follow, realised_gain

from reverie.testing.worlds.trade import Option, Seen
from reverie.testing.worlds.trades import INCIDENTS, TUTOR

AFTER_LIMIT = Seen(
    ("Checkout is slow.", '`read_alert` {"severity":"minor"}', "`query_metrics` Error: too many requests, slow down"),
    tuple(INCIDENTS.recoveries),
    "error",
)
AFTER_LIMIT_OF_ALL_TOOLS = msgspec.structs.replace(AFTER_LIMIT, tools=INCIDENTS.tools)
CHECK = Seen(AFTER_LIMIT.texts[:2], (Option("read_runbook", 0.5), Option("", 0.5)), "check")


def tools(text: str, seen: Seen) -> set[str]:
    return {follow(text, seen, Random(number)).tool for number in range(60)}


@pytest.mark.parametrize(
    ("text", "seen", "done"),
    [
        (
            "When the last tool call failed with “rate limit”, call `pause_and_resume`.",
            AFTER_LIMIT,
            {"pause_and_resume"},
        ),
        ("When `read_alert` has returned `severity=minor`, do not call `read_runbook`.", CHECK, {""}),
        (
            "When `read_alert` has returned `severity=critical`, do not call `read_runbook`.",
            CHECK,
            {"", "read_runbook"},
        ),
        ("When the last tool call failed with “timeout”, call `pause_and_resume`.", CHECK, {"", "read_runbook"}),
    ],
)
def test_advice_is_followed_where_its_condition_is_seen_and_nowhere_else(text: str, seen: Seen, done: set[str]) -> None:
    assert tools(text, seen) == done


def test_another_tool_is_any_tool_that_the_agent_has_and_seldom_the_right_one() -> None:
    seen = AFTER_LIMIT_OF_ALL_TOOLS
    done = tools("When the last tool call failed, turn to another tool or command.", seen)
    assert done == set(INCIDENTS.tools) - {"query_metrics"}


def test_a_changed_input_is_any_argument_of_the_last_call() -> None:
    last = {"reference": "TU-1", "step": 3, "mode": "plain"}
    moves = tuple(TUTOR.recoveries)
    seen = Seen(("Help.", "`set_exercise` Error: invalid value for mode"), moves, "error", TUTOR.tools, last)
    text = "When the last tool call failed, use the same tool or command again with changed input."
    gains = [follow(text, seen, Random(number)) for number in range(300)]
    assert {option.tool for option in gains} == {"set_exercise"}
    assert sum(bool(option.arguments) for option in gains) / 300 == pytest.approx(1 / 3, abs=0.08)


def test_a_call_without_a_moment_is_made_at_once_and_not_again() -> None:
    before = Seen(AFTER_LIMIT.texts[:2], CHECK.options, "check", INCIDENTS.tools)
    repair = Seen((*before.texts, "`request_approval` done"), tuple(INCIDENTS.repairs), "repair", INCIDENTS.tools)
    assert tools("Call `request_approval`.", before) == {"request_approval"}
    assert tools("Call `request_approval`.", repair) == {"request_approval", "list_hosts", ""}


def test_a_value_is_set_where_the_call_is_made_anyway() -> None:
    seen = Seen(("Help.", "`set_exercise` Error: invalid value for mode"), tuple(TUTOR.recoveries), "error")
    done = [follow("Set `mode` to `guided` when calling `set_exercise`.", seen, Random(n)) for n in range(300)]
    calls = [option for option in done if option.tool == "set_exercise"]
    assert all(option.arguments == {"mode": "guided"} for option in calls)
    assert len(calls) / 300 == pytest.approx(0.65, abs=0.08)


def test_advice_that_can_be_followed_realises_what_it_promises() -> None:
    promised = Told("When the last tool call failed with “rate limit”, call `pause_and_resume`.", 0.3, 500, 500)
    gain = realised_gain(INCIDENTS, 1, promised)
    assert promised.promised == pytest.approx(0.15)
    assert gain == pytest.approx(0.15, abs=0.03)


def test_advice_about_nothing_that_can_be_done_realises_nothing() -> None:
    assert realised_gain(INCIDENTS, 1, Told("Set `topic` to `refund` when calling `check_policy`.", 0.2, 50, 50)) == 0.0
