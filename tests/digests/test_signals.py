"""What a session's texts say as a whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests.digest import Signals
from reverie.digests.intent import opening_intent
from reverie.digests.sentiment import sentiment_of
from tests.digests.made_events import call, digested, said, user


@pytest.mark.parametrize(
    ("opening", "intent"),
    [
        ("Hi! I'd like to cancel my upcoming flights from MCO, please.", "cancel flight"),
        ("I want to modify a flight booking I made.", "change booking"),
        ("Hello, I need to make some changes to my reservation.", "change reservation"),
        ("I’m looking to get a refund for the insurance I bought.", "refund insurance"),
        ("Can you help me with returning a couple of items?", "return item"),
        ("I want to cancel or return some items.", "cancel item"),
        ("The kettle broke. Please exchange it, order W-12.", "exchange order"),
        ("I would like my money back. Order 12.", "refund order"),
        ("How many singers do we have?", "count singer"),
        ("What are the names of conductors?", "find conductor"),
        ("Find all files over 5 MB", "find file"),
        ("Fix the failing test in parser.py", "fix test"),
    ],
)
def test_the_opening_wish_is_named_by_its_verb_and_object(opening: str, intent: str) -> None:
    assert opening_intent(opening) == intent


@pytest.mark.parametrize(
    "opening", ["", "Hello!", "My order is late.", "I want to remove Ethan.", "Tell me a story.", "Das ist kaputt."]
)
def test_where_no_wish_is_clear_there_is_no_intent(opening: str) -> None:
    assert opening_intent(opening) == ""


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_an_intent_is_a_verb_and_one_object_whatever_the_text(text: str) -> None:
    assert len(opening_intent(text).split()) in (0, 2)


@pytest.mark.parametrize(("message", "low", "high"), [("This is terrible!", -1.0, -0.4), ("Great, thanks!", 0.4, 1.0)])
def test_sentiment_follows_the_words(message: str, low: float, high: float) -> None:
    sentiment = sentiment_of(message)
    assert sentiment is not None and low <= sentiment <= high


def test_the_path_of_sentiment_is_that_of_user_messages_with_text() -> None:
    signals = digested(
        user("  "), user("Great, thanks!"), said("This is terrible!"), user("This is awful!"), user("Fine.")
    ).signals
    assert signals.sentiment_first == sentiment_of("Great, thanks!")
    assert signals.sentiment_lowest == sentiment_of("This is awful!")
    assert signals.sentiment_last == sentiment_of("Fine.")
    assert signals.user_turns == 4


def test_without_user_text_there_is_no_sentiment() -> None:
    assert digested(said("Hi."), user("")).signals.sentiment_first is None
    assert digested().signals == Signals()


def test_telling_messages_are_counted() -> None:
    signals = digested(
        user("I want to cancel my order."),
        said("Which one?"),
        said("Shall I proceed?"),
        said("I cannot do that."),
        said("Let me transfer you to a human agent."),
        call("transfer_to_human_agents"),
    ).signals
    assert (signals.intent, signals.questions, signals.confirmations) == ("cancel order", 1, 1)
    assert (signals.fallbacks, signals.escalations) == (1, 2)


def test_hand_offs_are_changes_of_the_acting_thread() -> None:
    signals = digested(said("Go."), call("a", thread="coder"), call("b", thread="coder"), said("Done.")).signals
    assert (signals.hand_offs, signals.threads) == (2, 2)
