"""Rules on replies: what is noted while a session goes on is what its log gives afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.ids import event_id
from reverie.language_model import ModelUsage
from reverie.runtime.prefix import Prefix
from reverie.runtime.reply_events import asked_calls, judge_by_policy, reply_events
from reverie.runtime.rule import RuleSetVersion
from reverie.runtime.rule_file import read_rules
from reverie.runtime.rules import RuleBook
from reverie.runtime.ruling import PlacedFiring, judge_reply, replay
from reverie.runtime.tool_catalogue import AgentTool
from reverie.sessions.event import Event, stored_event
from reverie.turn_model import ToolDefinition, TurnReply
from tests.runtime.test_rules import rules_given

TICK = timedelta(microseconds=1)
PLAIN = {"type": "object"}
TOOLS = tuple(
    AgentTool(kind, name, ToolDefinition(name, name, PLAIN), server=server)  # type: ignore[arg-type]
    for kind, name, server in (
        *(("built_in", "bash", None), ("built_in", "read", None)),
        *(("custom", "refund", None), ("mcp", "fetch", "web")),
    )
)
blocks = st.one_of(
    st.just({"type": "text", "text": "Let me see."}),
    st.builds(
        lambda name, given: {"type": "tool_use", "name": name, "input": given},
        st.sampled_from(("bash", "read", "refund", "fetch", "nothing")),
        st.one_of(st.builds(lambda n: {"n": n}, st.integers(0, 4)), st.just("not an object")),
    ),
)
replies = st.lists(st.tuples(st.lists(blocks, max_size=5), st.integers(0, 3)), max_size=8)


class Session:
    """A session that goes on as the loop would have it, without a server."""

    def __init__(self, book: RuleBook) -> None:
        self.book, self.prefix = book, book.begin()
        self.log: list[Event] = []
        self.noted: list[PlacedFiring] = []
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def add(self, prefix: Prefix | None, type_: str, payload: dict[str, Any]) -> None:
        event = stored_event(type_, payload, self.now, None)
        if prefix is not None:
            prefix.see(len(self.log), event)
        self.log.append(event)
        self.now += TICK

    def take(self, given: list[dict[str, Any]], seconds: int) -> None:
        """A message, a reply to it, and the results of its calls."""
        self.now += timedelta(seconds=seconds)
        self.add(self.prefix, "user.message", {"content": []})
        named = tuple({**block, "id": f"toolu_{place}"} for place, block in enumerate(given))
        reply = TurnReply(named, "tool_use", ModelUsage(input_tokens=1, output_tokens=1), "scripted", "scripted-1")
        calls = asked_calls(reply, TOOLS, judge_by_policy)
        ruling = judge_reply(self.book, self.prefix, reply, calls, len(self.log), self.now, TICK)
        self.noted += ruling.firings
        self.store(reply_events(reply, ruling.calls, {}, None), len(ruling.events))

    def store(self, events: list[dict[str, Any]], shown: int) -> None:
        ids: dict[str, str] = {}
        for place, event in enumerate(events):
            payload = {
                name: ids.get(value, value) if isinstance(value, str) else value for name, value in event.items()
            }
            ids[event.get("id", "")] = event_id("s", len(self.log))
            wire = {name: value for name, value in payload.items() if name not in ("type", "id")}
            self.add(None if place < shown else self.prefix, event["type"], wire)


@settings(max_examples=200, deadline=None)
@given(rules_given, replies)
def test_a_replay_of_a_session_gives_the_firings_that_were_noted(
    rules: list[dict[str, Any]], given_replies: list[tuple[list[dict[str, Any]], int]]
) -> None:
    document = {"rules": rules, "circuit_breaker": {"running": 2, "in_all": 5}}
    book = RuleBook([RuleSetVersion("", 1, read_rules(document))])
    session = Session(book)
    for given_blocks, seconds in given_replies:
        session.take(given_blocks, seconds)
    assert list(replay(book, session.log)) == session.noted


@settings(max_examples=200, deadline=None)
@given(rules_given, st.lists(blocks, max_size=6))
def test_a_call_that_a_rule_denies_is_never_run_and_one_that_pauses_holds_the_others(
    rules: list[dict[str, Any]], given_blocks: list[dict[str, Any]]
) -> None:
    book = RuleBook([RuleSetVersion("", 1, read_rules(rules))])
    session = Session(book)
    session.take(given_blocks, 0)
    by_place: dict[int, set[str]] = {}
    for one in session.noted:
        if one.firing.enforced:
            by_place.setdefault(one.sequence, set()).add(one.firing.verdict)
    pauses = any("pause" in verdicts and "deny" not in verdicts for verdicts in by_place.values())
    uses = [(place, event) for place, event in enumerate(session.log) if event.type == "agent.tool_use"]
    for place, event in uses:
        permission = event.payload.get("evaluated_permission", "allow")
        assert permission == "deny" or "deny" not in by_place.get(place, ())
        assert permission != "allow" or not pauses


def test_records_of_rules_are_as_they_were_after_a_round_trip() -> None:
    document = {"rules": [{"name": "a", "when": {"arguments": [{"path": "n", "equals": None}]}, "then": "flag"}]}
    rules = read_rules(document)
    assert msgspec.convert(msgspec.to_builtins(rules), type(rules)) == rules
