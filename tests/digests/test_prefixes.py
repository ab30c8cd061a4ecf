"""The promise that makes digests safe to learn from: nothing in them knows what came later."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests.digest import Digest
from reverie.digests.transcript import digest_transcript
from reverie.digests.vocabulary import describe, kind_of
from reverie.sessions.event import Event
from reverie.sessions.session import Score, Session, Transcript
from tests.digests.made_events import (
    SESSION_ID,
    began,
    brief,
    call,
    digested,
    result,
    said,
    sent,
    thought,
    transcript,
    user,
)

_threads = st.sampled_from([None, None, "researcher", "sidechain"])
_calls = st.one_of(
    st.builds(
        call, st.just("sql"), _threads, query=st.sampled_from(["SHOW TABLES", "SELECT a FROM t", "SELECT b", "no"])
    ),
    st.builds(call, st.just("Bash"), _threads, command=st.sampled_from(["ls | wc -l", "find . -exec rm {} +", "if ["])),
    st.builds(call, st.sampled_from(["get_user", "refund", "escalate_ticket"]), _threads, id=st.integers(0, 2)),
    st.builds(call, st.sampled_from(["search", "memory_search"]), _threads, limit=st.integers(0, 5)),
)
_messages = st.builds(
    said,
    st.sampled_from(
        [
            *("Which order?", "Shall I proceed?", "Sorry, I cannot do that.", "My plan: look, then act.", "Done."),
            *("I'm sorry to hear that. Let me look into it.", "I think it will definitely work, thank you."),
        ]
    ),
    _threads,
)
_results = st.builds(
    lambda text, to, error, thread: result(text, to=to, error=error, thread=thread),
    st.sampled_from(
        ['{"tier": "gold", "flags": {"vip": true}}', "[]", "", "Unknown column 'x'", "not found", "timed out"]
    ),
    st.none() | st.integers(0, 30),
    st.booleans(),
    _threads,
)
_others = st.sampled_from(
    [
        user(),
        user("This is awful!"),
        thought("1. look\n2. act"),
        thought(),
        Event("session.error", {"error": {"type": "overloaded_error"}}),
    ]
)
_messages_between = st.one_of(
    st.builds(began, st.sampled_from(["researcher", "sidechain"]), st.sampled_from(["writer", "critic"])),
    st.builds(
        brief,
        st.sampled_from(["Find x.csv.", "Do not guess. It is done when tests pass.", "hm"]),
        st.sampled_from(["researcher", "sidechain"]),
        st.sampled_from(["main", "researcher"]),
    ),
    st.builds(sent, st.sampled_from(["Which order?", "12.5 in `x.csv`", "Done."]), _threads, st.just("main")),
)
_events = st.lists(st.one_of(_calls, _messages, _results, _others, _messages_between), max_size=30)


def assert_prefix_safe(events: list[Event], length: int) -> None:
    whole = digested(*events)
    part = digested(*events[:length])
    assert part.situations == tuple(s for s in whole.situations if s.sequence < length)
    assert part.behaviours == tuple(b for b in whole.behaviours if b.sequence < length)


@settings(max_examples=150, deadline=None)
@given(events=_events, data=st.data())
def test_the_digest_of_a_prefix_is_the_prefix_of_the_digest(events: list[Event], data: st.DataObject) -> None:
    assert_prefix_safe(events, data.draw(st.integers(0, len(events))))


def test_limits_on_long_sessions_keep_the_earliest_and_stay_safe_for_prefixes() -> None:
    events = [
        event
        for i in range(400)
        for event in (call(f"tool_{chr(97 + i % 26)}{i}", a=i), result(f'{{"k":"v{"a" * (i % 9)}"}}'))
    ]
    assert len(digested(*events).behaviours) <= 760
    for length in (1, 90, 333, 799):
        assert_prefix_safe(events, length)


@settings(max_examples=50, deadline=None)
@given(events=_events)
def test_each_item_is_listed_once_in_order_and_can_be_said_in_words(events: list[Event]) -> None:
    digest = digested(*events)
    keys = [(behaviour.situation, behaviour.name) for behaviour in digest.behaviours]
    assert len(set(keys)) == len(keys)
    assert [b.sequence for b in digest.behaviours] == sorted(b.sequence for b in digest.behaviours)
    for situation, name in keys:
        phrase = describe(situation, name)
        assert phrase.action.strip() and "{}" not in phrase.action and kind_of(name)


def test_scores_tags_and_labels_do_not_change_the_digest() -> None:
    events = (user(), call("refund", id=1), result())
    labelled = Transcript(
        Session(SESSION_ID, "chat", agent="a", task_id="t", metadata={"gold": "refund"}),
        events,
        (Score("reward", 0.0),),
    )
    assert digest_transcript(labelled) == digest_transcript(transcript(*events))


def test_a_digest_survives_storage_unchanged() -> None:
    digest = digested(user(), call("refund", id=1), result("nope", error=True), said("Sorry about that."))
    assert msgspec.json.decode(msgspec.json.encode(digest), type=Digest) == digest
