from typing import Any

import msgspec
import pytest

from reverie.sessions.importers import RawRecord, parse_record
from reverie.sessions.stated_end import stated_end

MESSAGES = [{"role": "user", "content": "please help"}, {"role": "assistant", "content": "on it"}]


def imported(line: dict[str, Any], format_: str = "chat") -> dict[str, str]:
    return parse_record(RawRecord("file", 1, format_, msgspec.json.encode(line), {}), {}).session.metadata


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"stop_reason": "max_turns"}, ("max_turns", "")),
        ({"metadata": {"status": "timeout"}}, ("timeout", "")),
        ({"info": {"exit_status": "exit_cost"}}, ("exit_cost", "")),
        ({"result": {"error": {"type": "RateLimitError", "message": "429"}}}, ("", "RateLimitError: 429")),
        ({"timed_out": True}, ("", "timed_out")),
        ({"messages": [*MESSAGES[:1], {**MESSAGES[1], "finish_reason": "length"}]}, ("length", "")),
        ({"metadata": {"timeout": 300}, "error": None}, ("", "")),
    ],
)
def test_what_a_chat_line_says_of_its_end_is_kept_wherever_it_stands(
    line: dict[str, Any], said: tuple[str, str]
) -> None:
    assert stated_end(imported({"id": "s", "messages": MESSAGES, **line})) == said


def test_a_tau_bench_run_keeps_why_it_was_ended() -> None:
    line = {"task_id": 1, "traj": MESSAGES, "reward": 0.0, "termination_reason": "max_steps"}
    assert stated_end(imported(line, "tau-bench")) == ("max_steps", "")
