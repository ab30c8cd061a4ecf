"""Results of tau-bench runs and of its forks."""

import json
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.ids import event_id
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Score, Transcript


def parse(row: dict[str, Any], stem: str = "runs") -> Transcript:
    return parse_record(RawRecord("f", 1, "tau-bench", json.dumps(row).encode(), {"stem": stem}), {})


def row(traj: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"task_id": 3, "trial": 1, "reward": 1.0, "info": {"user_cost": 0.25}, "traj": traj, **fields}


def called(name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": name, "arguments": arguments}}]}


POLICY = {"role": "system", "content": "# Retail agent policy\nHelp users."}


def test_a_run_becomes_a_session_with_its_task_and_reward() -> None:
    transcript = parse(row([POLICY, {"role": "user", "content": "hi"}]), stem="gpt-4o-retail")
    session = transcript.session
    assert (session.agent, session.agent_version, session.model) == ("tau-bench", "gpt-4o-retail", "gpt-4o")
    assert (session.task_id, session.task_category) == ("retail:3", "retail")
    assert session.metadata == {"trial": "1", "user_cost": "0.25"}
    assert transcript.scores == (Score("reward", 1.0),)
    assert [event.type for event in transcript.events] == ["system.message", "user.message"]


@pytest.mark.parametrize(
    ("traj", "stem", "task"),
    [
        ([called("get_reservation_details")], "retail-runs", "airline:3"),
        ([called("cancel_pending_order")], "runs", "retail:3"),
        ([POLICY, called("get_user_details")], "runs", "retail:3"),
        ([], "retail-assertions-agent-0618", "retail:3"),
        ([called("think")], "runs", "3"),
    ],
)
def test_the_domain_is_told_by_tools_then_policy_then_file_name(traj: list[Any], stem: str, task: str) -> None:
    assert parse(row(traj), stem).session.task_id == task


@pytest.mark.parametrize(
    ("stem", "model"), [("retail-assertions-agent-0618", None), ("sonnet-35-airline", "sonnet-35")]
)
def test_a_model_is_named_only_where_the_file_name_is_clear(stem: str, model: str | None) -> None:
    assert parse(row([]), stem).session.model == model


def test_python_arguments_and_results_without_ids_are_understood() -> None:
    traj = [called("get_order_details", "{'order_id': '#W1', 'items': ('a',)}"), {"role": "tool", "content": "shipped"}]
    transcript = parse(row(traj))
    use, result = transcript.events
    assert use.payload["input"] == {"order_id": "#W1", "items": ["a"]}
    assert result.payload["tool_use_id"] == event_id(transcript.session.id, 0)


def test_a_crash_of_the_harness_is_a_session_error() -> None:
    (event,) = parse(row([], info={"error": "connection aborted", "traceback": "File …"})).events
    assert (event.type, event.payload["error"]["message"]) == ("session.error", "connection aborted")


def test_the_same_run_has_the_same_id_and_another_trial_or_variant_another() -> None:
    traj = [{"role": "user", "content": "hi"}]
    first = parse(row(traj), "a").session.id
    assert parse(row(traj, info={"task": {"outputs": ["9"]}, "user_cost": 0.25}), "a").session.id == first
    assert len({first, parse(row(traj, trial=2), "a").session.id, parse(row(traj), "b").session.id}) == 3


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"task_id": 1, "traj": None}, "traj must be a list"),
        ({"traj": []}, "task_id is missing"),
        ({"task_id": 1, "traj": [{"role": "x"}]}, r"traj\[0\]\.role 'x' is unknown"),
    ],
)
def test_what_cannot_be_used_is_named(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(broken)


def test_the_message_texts_are_kept() -> None:
    assert text_of(parse(row([POLICY])).events[0]) == "# Retail agent policy\nHelp users."


def test_an_odd_reward_costs_the_reward_alone() -> None:
    assert parse(row([POLICY], reward="1.0")).scores == (Score("reward", 1.0),)
    assert parse(row([POLICY], reward=[1])).scores == ()


def test_a_run_of_an_unknown_domain_keeps_its_task() -> None:
    session = parse(row([called("book_table")]), "telecom-runs").session
    assert (session.task_id, session.task_category) == ("3", None)
