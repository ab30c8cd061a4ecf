"""A few rounds of ``python -m evaluation.chaos``: whatever is killed, what was promised of sessions holds."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from evaluation.chaos import make_chaos
from evaluation.chaos_check import Outside, Rested, violations
from evaluation.chaos_machines import model_server

from reverie.ids import event_id
from reverie.runtime.live_state import LiveState
from reverie.storage.live.log import LogRow

KEY = "key-1-0"
USE = event_id("sesn_a", 2)


async def test_kills_break_nothing_that_was_promised(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with model_server(home, seed=7) as url:
        monkeypatch.setenv("REVERIE_MODEL", "anthropic:chaos")
        monkeypatch.setenv("REVERIE_MODEL_URL", url)
        result = await make_chaos(home, rounds=5, seed=7, tell=lambda *_: None)
    assert result.violations == ()
    assert result.rounds == 5 and sum(result.kills.values()) > 0


def row(sequence: int, type_: str, **payload: Any) -> LogRow:
    return LogRow(sequence, None, None, type_, datetime(2026, 5, 1, tzinfo=UTC), payload)


def log_of(*results: LogRow) -> list[LogRow]:
    return [
        row(0, "session.status_running"),
        row(1, "span.model_request_start"),
        row(2, "agent.tool_use", name="bash", input={"command": f"echo {KEY} >> effects"}),
        row(3, "span.model_request_end", model_request_start_id=event_id("sesn_a", 1), model_usage={}),
        *results,
        row(4 + len(results), "session.status_idle", stop_reason={"type": "end_turn"}),
    ]


def result_of(text: str, sequence: int = 4, **more: Any) -> LogRow:
    return row(sequence, "agent.tool_result", tool_use_id=USE, content=[{"type": "text", "text": text}], **more)


@pytest.mark.parametrize(
    ("results", "ran", "problem"),
    [
        ([result_of("done")], 1, None),
        ([result_of("It may have run.", is_error=True)], 1, None),
        ([result_of("It may have run.", is_error=True)], 0, None),
        ([result_of("Failed.", is_error=True)], 1, "and the agent was told"),
        ([result_of("done")], 0, "is said to have run and did not"),
        ([result_of("done")], 2, "ran 2 times"),
        ([result_of("done"), result_of("done", 5)], 1, "has 2 results"),
        ([], 1, "has 0 results"),
    ],
)
def test_the_chaos_notices_what_it_is_looking_for(results: list[LogRow], ran: int, problem: str | None) -> None:
    state = LiveState("sesn_a", "idle", "clerk", self_hosted=False, event_count=10, input_count=0)
    rested = Rested(state, log_of(*results), leases=0, acknowledged=())
    found = violations(rested, Outside(Counter({KEY: ran}), frozenset()))
    assert (found == []) if problem is None else any(problem in one for one in found)


def test_the_chaos_notices_what_is_stuck_lost_or_open() -> None:
    state = LiveState("sesn_a", "running", "clerk", self_hosted=False, event_count=2, input_count=0)
    rows = [row(0, "session.status_running"), row(1, "session.status_running"), row(2, "span.model_request_start")]
    rested = Rested(state, rows, leases=1, acknowledged=("mark-1-1-",))
    found = " ".join(violations(rested, Outside({}, frozenset())))
    for problem in ("stuck", "follows running", "has 0 ends", "mark-1-1- was in no request"):
        assert problem in found
