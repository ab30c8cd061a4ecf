"""One odd value in a session of another tool costs itself, and never the session."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import ImportFormatError
from reverie.sessions.importers import RawRecord, parse_record, read_records
from tests.sessions import test_import_ag_ui as ag_ui
from tests.sessions import test_import_autogen as autogen
from tests.sessions import test_import_chatgpt as chatgpt
from tests.sessions import test_import_codex as codex
from tests.sessions import test_import_gemini_cli as gemini_cli
from tests.sessions import test_import_inspect as inspect_log
from tests.sessions import test_import_langfuse as langfuse
from tests.sessions import test_import_langsmith as langsmith
from tests.sessions import test_import_openai_agents as openai_agents
from tests.sessions import test_import_openhands as openhands
from tests.sessions import test_import_swe_agent as swe_agent
from tests.sessions import test_import_tau2_bench as tau2_bench

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "codex": codex.ROLLOUT,
    "codex with a side agent": [*codex.CALLING, *codex.SIDE],
    "langfuse": [langfuse.WITH_COLUMNS, *langfuse.OBSERVATIONS, *langfuse.SCORES],
    "langsmith": [*langsmith.RUNS, *langsmith.FEEDBACK],
    "openai-agents": [openai_agents.TRACE, *openai_agents.SPANS],
    "swe-agent": [swe_agent.TRAJ],
    "swe-agent, newer": [swe_agent.NEW],
    "mini-swe-agent": [swe_agent.MINI],
    "tau2-bench": [tau2_bench.SIMULATION],
    "openhands": openhands.STREAM,
    "openhands, newer": openhands.CONVERSATION,
    "inspect": [inspect_log.SAMPLE],
    "gemini-cli": gemini_cli.LINES,
    "autogen": autogen.MESSAGES,
    "ag-ui": ag_ui.EVENTS,
    "chatgpt": [chatgpt.conversation(chatgpt.TREE, "good")],
}
ODD: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "x",
    "\0",
    [],
    {},
    [[]],
    [1],
    {"a": 1},
    '{"a":1}',
    [{"type": "tool_use"}],
    10**400,
]
THE_WHOLE = {"messages", "history", "trajectory", "info", "mapping"}
"""Fields without which there is nothing left to read, or nothing to know the format by."""


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield (*place, key)
        yield from places(held, (*place, key))


def with_odd(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    if not place:
        return odd
    changed = copy.copy(value)
    changed[place[0]] = with_odd(value[place[0]], place[1:], odd)
    return changed


@pytest.mark.parametrize("name", SAMPLES)
@given(st.data())
def test_an_odd_value_costs_itself(name: str, data: st.DataObject) -> None:
    rows = SAMPLES[name]
    within = [place for place in places(rows) if len(place) > 1 and not (len(place) == 2 and place[1] in THE_WHOLE)]
    odd = with_odd(rows, data.draw(st.sampled_from(within)), data.draw(st.sampled_from(ODD)))
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.jsonl").write_text("\n".join(json.dumps(row) for row in odd))
        items = list(read_records([Path(folder)], format=None))
    assert any(has_events(item) for item in items if isinstance(item, RawRecord))


def has_events(record: RawRecord) -> bool:
    """Whether there is something to read; a span whose trace is odd is a session of its own, without anything."""
    try:
        return bool(parse_record(record, {}).events)
    except ImportFormatError:
        return False
