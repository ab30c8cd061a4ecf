"""Episodes of InterCode runs."""

import json
from typing import Any

import pytest

from reverie.errors import ImportFormatError
from reverie.sessions.event import text_of
from reverie.sessions.importers import ImportProblem, RawRecord, parse_record
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
    assert [events[n].payload.get("is_error") for n in (2, 5)] == [None, False]


@pytest.mark.parametrize(("valid", "flag"), [([False], True), ([True], None), ([], None), (["no"], None)])
def test_an_action_that_was_refused_is_an_error_and_of_others_the_content_tells(
    valid: list[Any], flag: bool | None
) -> None:
    payload = parse(episode(["x"], ["anything"], history={"valid_action": valid})).events[2].payload
    assert payload.get("is_error") is flag


@pytest.mark.parametrize(
    ("environment", "stem", "task", "tool", "argument"),
    [
        ("ic_python", "x", "python:7", "python", "code"),
        ("ic_ctf", "ic_ctf_human", "ctf:7", "ctf", "command"),
        ("InterCode-Web", "x", "web:7", "web", "action"),
        ("", "mine", "intercode:7", "intercode", "action"),
        ("ic_apps v2", "x", "apps_v2:7", "apps_v2", "action"),
    ],
)
def test_every_environment_is_kept_under_its_own_name(
    environment: str, stem: str, task: str, tool: str, argument: str
) -> None:
    transcript = parse({**episode(["print(1)"]), "environment": environment}, stem)
    assert (transcript.session.task_id, transcript.session.task_category) == (task, task.removesuffix(":7"))
    assert transcript.events[1].payload == {"name": tool, "input": {argument: "print(1)"}}


def test_an_environment_that_is_not_known_is_warned_of() -> None:
    warnings: list[ImportProblem] = []
    data = json.dumps({**episode(["x"]), "environment": "ic_web"}).encode()
    parse_record(RawRecord("f", 3, "intercode", data, {"stem": "x", "key": "0"}), {}, warnings)
    assert [str(warning) for warning in warnings] == [
        "f:3: the environment 'ic_web' is not one that is known (sql, bash, python, ctf, swe); its tool is called web"
    ]


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
        ({"task_id": 1, "turn_history": [1]}, "turn_history is missing"),
    ],
)
def test_what_cannot_be_used_is_named(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImportFormatError, match=reason):
        parse(broken, "x")


def test_of_the_python_environment_output_and_errors_are_told_apart_and_the_data_set_is_part_of_the_task() -> None:
    printed = [
        "{'output': '3\\n', 'error': ''}",
        "{'output': '', 'error': \"name 'x' is not defined\"}",
        "No Python code was found in your last response.\n\nYour response should be …",
        "Test case did not pass. Please try again.",
        "{'output': '', 'error': ''}",
    ]
    history = {"valid_action": [None, None, False, False, False], "rewards": [0, 0, 0, 0, 0.5]}
    run = episode(["print(1 + 2)", "x", "hm", "def f(): pass", "submit f"], printed, history=history)
    run |= {"environment": "ic_python", "dataset": "./data/python/mbpp/ic_mbpp.json"}
    transcript = parse(run)
    results = [event for event in transcript.events if event.type == "agent.tool_result"]
    assert [(text_of(event), event.payload.get("is_error")) for event in results] == [
        ("3\n", False),
        ("name 'x' is not defined", True),
        (printed[2], True),
        (printed[3], None),
        ("", False),
    ]
    assert transcript.events[-2].payload == {"name": "submit", "input": {"answer": "f"}}
    assert (transcript.session.task_id, transcript.scores) == ("python:mbpp:7", (Score("reward", 0.5),))
