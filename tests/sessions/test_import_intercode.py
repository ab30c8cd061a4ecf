"""Episodes of InterCode runs."""

import json
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.session import Score, Transcript

STEM = "ic_sql_multiturn_gpt-3.5_10_turns"


def parse(episode: dict[str, Any], stem: str = STEM, folder: str = "runs", key: str = "0") -> Transcript:
    context = {"stem": stem, "folder": folder, "key": key}
    return parse_record(RawRecord("f", 1, "intercode", json.dumps(episode).encode(), context), {})


def episode(actions: list[Any], observations: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    history = {"actions": actions, "observations": observations or [], **fields.pop("history", {})}
    return {"environment": "ic_sql", "task_id": 7, "query": "How many?", "turn_history": history, **fields}


def test_an_episode_becomes_a_session_with_its_task_and_best_reward() -> None:
    best = {"summary": {"max_reward": 0.5}, "hardness": "easy"}
    transcript = parse(episode(["SELECT 1"], ["[(1,)]"], history={"rewards": [0.5]}, **best))
    session = transcript.session
    assert (session.task_id, session.task_category, session.metadata) == ("sql:7", "sql", {"hardness": "easy"})
    assert transcript.scores == (Score("reward", 0.5),)
    assert [(event.type, text_of(event)) for event in transcript.events] == [
        ("user.message", "How many?"),
        ("agent.tool_use", ""),
        ("agent.tool_result", "[(1,)]"),
    ]
    assert transcript.events[1].payload == {"name": "sql", "input": {"query": "SELECT 1"}}


@pytest.mark.parametrize(
    ("stem", "folder", "version", "model"),
    [
        ("ic_sql_multiturn_gpt-3.5_10_turns_handicap", "x", "multiturn_handicap_10_turns", "gpt-3.5"),
        ("ic_sql_multiturn_gpt-3.5-1_turns", "x", "single", "gpt-3.5"),
        ("ic_sql_multiturn_gpt-3.5-1_turns_handicap", "x", "single_handicap", "gpt-3.5"),
        ("ic_bash_multiturn_chat-bison-001_10_turns_fs_1", "x", "multiturn_10_turns", "chat-bison-001"),
        ("ic_sql_react_10_turns", "text-davinci-003", "react_10_turns", "text-davinci-003"),
        ("ic_sql_plan_solve", "runs", "plan_solve", None),
        ("ic_sql_plan_solve_refine_3_turns", "vicuna", "plan_solve_refine_3_turns", "vicuna"),
        ("sql-mine", "logs", "sql-mine", None),
    ],
)
def test_strategy_and_model_come_from_the_names(stem: str, folder: str, version: str, model: str | None) -> None:
    session = parse(episode(["SELECT 1"]), stem, folder).session
    assert (session.agent_version, session.model) == (version, model)


@pytest.mark.parametrize(
    ("fields", "stem", "task"),
    [
        ({"environment": "ic_bash", "dataset": "./nl2bash_fs_2.json"}, "x", "bash:fs_2:7"),
        ({"environment": None}, "ic_bash_react_fs_4", "bash:fs_4:7"),
        ({"environment": "ic_bash"}, "x", "bash:7"),
        ({"task_id": None}, "x", "sql:0"),
    ],
)
def test_the_task_names_its_domain_and_file_system(fields: dict[str, Any], stem: str, task: str) -> None:
    assert parse({**episode(["ls"]), **fields}, stem).session.task_id == task


def test_react_actions_are_unwrapped_and_follow_their_thoughts() -> None:
    turns = episode(["execute[SELECT 1]", "submit"], ["Error executing query: x", "Error executing query: x"])
    turns["turn_history"]["thoughts"] = ["try", "done"]
    events = parse(turns).events[1:]
    assert [event.payload.get("name", text_of(event)) for event in events] == [
        "try",
        "sql",
        "sql",
        "done",
        "submit",
        "submit",
    ]
    assert events[1].payload["input"] == {"query": "SELECT 1"}
    assert [events[2].payload["is_error"], events[5].payload["is_error"]] == [True, False]


@pytest.mark.parametrize(
    ("observation", "valid", "is_error"),
    [
        ("bash: x: command not found", True, True),
        ("grep: /a: No such file or directory", True, True),
        ("No SQL code was found", None, True),
        ("anything", False, True),
        ("Error: fine text", True, False),
        ("", True, False),
        (None, True, False),
    ],
)
def test_failed_actions_are_recognised(observation: str | None, valid: bool | None, is_error: bool) -> None:
    transcript = parse(episode(["x"], [observation], history={} if valid is None else {"valid_action": [valid]}))
    payload = transcript.events[2].payload
    assert payload["is_error"] is is_error
    assert text_of(transcript.events[2]) == (observation or "")


def test_lists_of_unequal_length_lose_no_action_and_no_observation() -> None:
    refused = parse(episode(["ls", "blocked"], ["a"], history={"rewards": [0.2, 0], "plans": ["p1", "p2", "p3"]}))
    assert [event.type.removeprefix("agent.") for event in refused.events[1:]] == [
        "thinking",
        "tool_use",
        "tool_result",
        "thinking",
        "tool_use",
        "thinking",
    ]
    assert refused.scores == (Score("reward", 0.2),)
    more = parse(episode([], ["a"]))
    assert more.events[1].payload["tool_use_id"] is None


def test_code_fences_stay_and_bash_takes_commands() -> None:
    fenced = {**episode(["```BASH\nls\n```"]), "environment": "ic_bash"}
    assert parse(fenced).events[1].payload["input"] == {"command": "```BASH\nls\n```"}


def test_a_reward_below_zero_counts_as_zero() -> None:
    assert parse(episode(["x"], summary={"max_reward": -0.18})).scores == (Score("reward", 0.0),)


def test_two_models_with_the_same_actions_are_two_sessions() -> None:
    ids = {
        parse(episode(["SELECT 1"]), f"ic_sql_multiturn_{model}_10_turns").session.id for model in ("gpt-4", "vicuna")
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"task_id": 1}, "turn_history is missing"),
        ({**episode([]), "environment": "web"}, "neither environment nor the file's name says sql or bash"),
    ],
)
def test_what_cannot_be_used_is_named(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(broken, "x")
