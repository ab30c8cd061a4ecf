"""Planted worlds hold the truth they claim, seen from the messages alone."""

import gzip
import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests.transcript import digest_transcript
from reverie.sessions.importers import RawRecord, parse_record, read_records
from reverie.testing.worlds import (
    World,
    confounded_world,
    drift_world,
    early_stop_null_world,
    early_stop_world,
    flips_world,
    graded_world,
    hand_off_world,
    missing_world,
    null_variant_world,
    null_world,
    plain_world,
    rare_world,
    shadows_world,
    sizes_world,
    support_desk,
    variant_world,
    wording_world,
    write_world,
)

Line = dict[str, Any]
Seen = Callable[["Session"], bool]

WORLDS = {
    "support-desk": lambda seed: support_desk(seed, sessions=300, tasks=20),
    "null": lambda seed: null_world(seed, sessions=300, tasks=20),
    "graded": lambda seed: graded_world(seed, sessions=300, tasks=20),
    "missing": lambda seed: missing_world(seed, sessions=300, tasks=20),
    "variants": lambda seed: variant_world(seed, tasks=40),
    "early-stop": lambda seed: early_stop_world(seed, sessions=300, tasks=20),
    "plain": lambda seed: plain_world(seed, sessions=300, tasks=20),
    "sizes": lambda seed: sizes_world(seed, sessions=300, tasks=20),
    "confounded": lambda seed: confounded_world(seed, sessions=300, tasks=20),
    "flips": lambda seed: flips_world(seed, sessions=300, tasks=20),
    "shadows": lambda seed: shadows_world(seed, sessions=300, tasks=20),
    "drift": lambda seed: drift_world(seed, sessions=300, tasks=20),
    "rare-and-weak": lambda seed: rare_world(seed, sessions=300, tasks=20),
    "wording": lambda seed: wording_world(seed, sessions=300, tasks=20),
    "hand-off": lambda seed: hand_off_world(seed, sessions=300, tasks=20),
    "null-variants": lambda seed: null_variant_world(seed, tasks=40),
    "early-stop-null": lambda seed: early_stop_null_world(seed, sessions=300, tasks=20),
}


class Session:
    """What a session's messages show."""

    def __init__(self, line: Line) -> None:
        self.messages = line["messages"]
        self.reward = line.get("reward")
        self.task = line["metadata"]["task_id"]
        self.variant = line["metadata"]["agent_version"]
        functions = [m["tool_calls"][0]["function"] for m in self.messages if m.get("tool_calls")]
        results = [m["content"] for m in self.messages if m["role"] == "tool"]
        self.tools = [function["name"] for function in functions]
        self.calls = [(f["name"], f["arguments"], result) for f, result in zip(functions, results, strict=True)]

    def has(self, tool: str) -> bool:
        return tool in self.tools

    def before(self, first: str, then: str) -> bool:
        return first in self.tools[: self.tools.index(then)]

    def saw(self, text: str) -> bool:
        return any(text in result for _, _, result in self.calls)

    def timed_out(self) -> bool:
        return "timeout" in self.calls[0][2]

    def retried(self) -> bool:
        at = next(i for i, m in enumerate(self.messages) if m["role"] == "tool")
        return bool(self.messages[at + 1].get("tool_calls")) and self.calls[0][:2] == self.calls[1][:2]

    def asks_first(self) -> bool:
        return "?" in (self.messages[1]["content"] or "")

    def apologises(self) -> bool:
        said = (m["content"] or "" for m in self.messages if m["role"] == "assistant")
        return any(re.search("sorry|apolog", text, re.IGNORECASE) for text in said)


def calls(tool: str) -> Seen:
    """Whether a session calls the tool."""
    return lambda session: session.has(tool)


PLANTED: dict[str, tuple[Seen, Seen]] = {
    "session | call:verify_identity": (lambda _: True, calls("verify_identity")),
    "before issue_refund | call:check_policy": (
        calls("issue_refund"),
        lambda s: s.before("check_policy", "issue_refund"),
    ),
    "after error:timeout | same call again": (Session.timed_out, Session.retried),
    "start | ask": (lambda _: True, Session.asks_first),
    "seen lookup_order.status=delayed | call:offer_voucher": (
        lambda s: s.saw('"delayed"'),
        calls("offer_voucher"),
    ),
    "seen lookup_order.status=delivered | call:offer_voucher": (
        lambda s: s.saw('"delivered"'),
        calls("offer_voucher"),
    ),
}
"""For each finding: who is in the situation, and who did it."""


OPTIONAL_TOOLS = (
    "verify_identity",
    "check_policy",
    "offer_voucher",
    "search_kb",
    "escalate_to_human",
    "add_note",
    "track_shipment",
    "get_customer_profile",
    "list_orders",
)


def pooled(sessions: Sequence[Session], did: Seen) -> float:
    """Difference in mean reward with and without, whatever the task."""
    flags = np.array([did(s) for s in sessions])
    rewards = np.array([s.reward for s in sessions], dtype=float)
    return float(rewards[flags].mean() - rewards[~flags].mean())


def within(sessions: Sequence[Session], did: Seen, stratum: Callable[[Session], str]) -> tuple[float, float]:
    """Mantel–Haenszel weighted mean difference within strata, and its standard error at the largest spread, 1/2."""
    strata: dict[str, tuple[list[float], list[float]]] = {}
    for session in sessions:
        strata.setdefault(stratum(session), ([], []))[did(session)].append(session.reward or 0.0)
    groups = [(np.array(without), np.array(having)) for without, having in strata.values() if without and having]
    weights = np.array([len(a) * len(b) / (len(a) + len(b)) for a, b in groups])
    differences = np.array([b.mean() - a.mean() for a, b in groups])
    return float((weights * differences).sum() / weights.sum()), float(0.5 / np.sqrt(weights.sum()))


def by_task(session: Session) -> str:
    return str(session.task)


def by_variant(session: Session) -> str:
    return str(session.variant)


def words(world: World) -> dict[str, float]:
    """True effects by finding."""
    return {f"{truth.situation} | {truth.behaviour}": truth.effect for truth in world.truths}


@pytest.fixture(scope="module")
def desk() -> World:
    return support_desk(7, sessions=10_000)


@pytest.fixture(scope="module")
def desk_sessions(desk: World) -> list[Session]:
    return [Session(line) for line in desk.lines]


@pytest.fixture(scope="module")
def early_stop() -> World:
    return early_stop_world(7, sessions=6_000)


@pytest.fixture(scope="module")
def early_stop_sessions(early_stop: World) -> list[Session]:
    return [Session(line) for line in early_stop.lines]


@pytest.fixture(scope="module")
def null_sessions() -> list[Session]:
    return [Session(line) for line in null_world(7, sessions=6_000).lines]


@pytest.mark.parametrize("finding", PLANTED)
def test_a_planted_effect_shows_within_tasks(finding: str, desk: World, desk_sessions: list[Session]) -> None:
    situation, did = PLANTED[finding]
    estimate, error = within([s for s in desk_sessions if situation(s)], did, by_task)
    assert abs(words(desk)[finding]) > 0.1
    assert abs(estimate - words(desk)[finding]) < 3.5 * error


@pytest.mark.parametrize("decoy", ["search_kb", "escalate_to_human"])
def test_a_decoy_goes_with_failure_until_the_task_is_held_fixed(decoy: str, desk_sessions: list[Session]) -> None:
    estimate, error = within(desk_sessions, calls(decoy), by_task)
    assert pooled(desk_sessions, calls(decoy)) < -0.1
    assert abs(estimate) < 3.5 * error < 0.05


def test_an_apology_goes_with_failure_only_because_errors_do(desk_sessions: list[Session]) -> None:
    anywhere, error = within(desk_sessions, Session.apologises, by_task)
    lost = [s for s in desk_sessions if s.saw("order not found")]
    after_error, after_error_error = within(lost, Session.apologises, by_task)
    assert anywhere < -5 * error
    assert abs(after_error) < 3.5 * after_error_error


def test_the_shadow_always_comes_right_after_its_cause(desk_sessions: list[Session]) -> None:
    pairs = [pair for s in desk_sessions for pair in pairwise(s.tools) if pair[0] == "verify_identity"]
    assert {then for _, then in pairs} == {"add_note"}
    assert any(s.has("add_note") and not s.has("verify_identity") for s in desk_sessions)


def test_the_flip_cancels_out_when_its_condition_is_ignored(desk_sessions: list[Session]) -> None:
    estimate, _ = within(desk_sessions, calls("offer_voucher"), by_task)
    assert abs(estimate) < 0.04


@pytest.mark.parametrize("sessions", ["desk_sessions", "null_sessions"])
def test_length_does_not_tell_the_outcome(sessions: str, request: pytest.FixtureRequest) -> None:
    told = request.getfixturevalue(sessions)
    lengths = np.array([len(s.messages) for s in told])
    assert 7 <= lengths.min() < 12
    assert lengths.max() <= 25
    assert abs(np.corrcoef(lengths, [s.reward for s in told])[0, 1]) < 0.03


def test_nothing_has_an_effect_in_the_null_world(null_sessions: list[Session]) -> None:
    estimates = [within(null_sessions, calls(tool), by_task) for tool in OPTIONAL_TOOLS]
    estimates += [within([s for s in null_sessions if here(s)], did, by_task) for here, did in PLANTED.values()]
    assert all(abs(estimate) < 3.5 * error for estimate, error in estimates)
    assert pooled(null_sessions, calls("search_kb")) < -0.1


def test_variants_differ_in_what_they_do_without_it_helping_them() -> None:
    world = variant_world(7, tasks=1_000)
    sessions = [Session(line) for line in world.lines]
    for decoy in ("search_kb", "check_policy", "offer_voucher"):
        estimate, error = within(sessions, calls(decoy), by_variant)
        assert pooled(sessions, calls(decoy)) > 0.08
        assert abs(estimate) < 3.5 * error
    estimate, error = within(sessions, calls("verify_identity"), by_variant)
    assert abs(estimate - words(world)["session | call:verify_identity"]) < 3.5 * error


def test_each_variant_runs_each_task_once() -> None:
    runs = [(s.task, s.variant) for s in map(Session, variant_world(7, tasks=30, variants=5).lines)]
    assert len(runs) == len(set(runs)) == 150


def test_graded_rewards_keep_the_effects(desk: World) -> None:
    world = graded_world(7, sessions=3_000)
    sessions = [Session(line) for line in world.lines]
    estimate, error = within(sessions, calls("verify_identity"), by_task)
    assert len({s.reward for s in sessions}) > 2_700
    assert abs(estimate - words(world)["session | call:verify_identity"]) < 3.5 * error
    assert words(world).keys() == words(desk).keys()


def test_a_share_of_the_missing_world_has_no_reward() -> None:
    lines = list(missing_world(7).lines)
    assert 0.27 < np.mean(["reward" not in line for line in lines]) < 0.33


def test_early_stopping_makes_long_sessions_and_repeats_look_harmful(early_stop_sessions: list[Session]) -> None:
    lengths = np.array([len(s.messages) for s in early_stop_sessions])
    assert np.corrcoef(lengths, [s.reward for s in early_stop_sessions])[0, 1] < -0.5
    assert pooled(early_stop_sessions, lambda s: any(a == b for a, b in pairwise(s.calls))) < -0.2


def test_looking_at_the_schema_first_helps_as_stated(early_stop: World, early_stop_sessions: list[Session]) -> None:
    estimate, error = within(early_stop_sessions, lambda s: "SHOW" in s.calls[0][1], by_task)
    assert abs(estimate - words(early_stop)["start | call:sql:show"]) < 3.5 * error < 0.1


def test_repeating_a_first_failed_query_changes_nothing(early_stop_sessions: list[Session]) -> None:
    failed = [s for s in early_stop_sessions if "SELECT" in s.calls[0][1] and len(s.calls) > 1]
    estimate, error = within(failed, lambda s: s.calls[0] == s.calls[1], by_task)
    assert abs(estimate) < 3.5 * error


@pytest.mark.parametrize("make", WORLDS.values(), ids=WORLDS)
def test_the_same_seed_gives_the_same_world(make: Callable[[int], World]) -> None:
    world, again, other = make(3), make(3), make(4)
    lines = list(world.lines)
    assert lines == list(world.lines) == list(again.lines)
    assert world.truths == again.truths
    assert [line["messages"] for line in lines] != [line["messages"] for line in other.lines]


@pytest.mark.parametrize("make", WORLDS.values(), ids=WORLDS)
def test_lines_keep_the_import_format(make: Callable[[int], World]) -> None:
    lines = list(make(3).lines)
    assert len({line["id"] for line in lines}) == len(lines)
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", line["id"])
        assert line.keys() - {"reward"} == {"id", "messages", "metadata"}
        assert 0.0 <= line.get("reward", 0.0) <= 1.0
        assert all(isinstance(value, str) and value for value in line["metadata"].values())
        check_messages(line["messages"])


def check_messages(messages: list[dict[str, Any]]) -> None:
    """A user opens; each tool call has JSON arguments and is answered at once; all else is text."""
    assert messages[0]["role"] == "user"
    for message, after in pairwise([*messages, {"role": "end"}]):
        assert message["role"] in ("user", "assistant", "tool")
        calls = message.get("tool_calls", [])
        assert all(call["type"] == "function" for call in calls)
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls)
        assert [call["id"] for call in calls] == ([after["tool_call_id"]] if after["role"] == "tool" else [])
        assert message["content"] or calls


@pytest.mark.parametrize("make", WORLDS.values(), ids=WORLDS)
def test_truths_are_in_the_words_of_the_digest(make: Callable[[int], World], tmp_path: Path) -> None:
    world = make(3)
    count = write_world(world, tmp_path / "world.jsonl")
    records = list(read_records([tmp_path / "world.jsonl"], format=None))
    read = [parse_record(record, {}) for record in records if isinstance(record, RawRecord)]
    named = {(b.situation.text, b.name.text) for transcript in read for b in digest_transcript(transcript).behaviours}
    assert len(read) == len(records) == count
    assert {(truth.situation, truth.behaviour) for truth in world.truths} <= named


def test_no_two_sessions_read_alike() -> None:
    texts = {json.dumps(line["messages"]) for line in support_desk(3, sessions=1_000).lines}
    assert len(texts) == 1_000


def test_a_world_is_written_compressed_when_the_name_says_so(tmp_path: Path) -> None:
    world = support_desk(3, sessions=40, tasks=8)
    plain, packed = tmp_path / "w.jsonl", tmp_path / "w.jsonl.gz"
    assert write_world(world, plain) == write_world(world, packed) == 40
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert [msgspec.json.decode(line) for line in plain.read_bytes().splitlines()] == list(world.lines)


def test_the_same_world_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_world(support_desk(3, sessions=40, tasks=8), tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), tasks=st.integers(4, 40), rounds=st.integers(1, 4))
def test_sessions_are_spread_evenly_over_tasks(seed: int, tasks: int, rounds: int) -> None:
    told = [line["metadata"]["task_id"] for line in support_desk(seed, sessions=tasks * rounds, tasks=tasks).lines]
    assert sorted(map(told.count, set(told))) == [rounds] * tasks
