"""Moments of decision: when they are reached, and what counts as the move made in them."""

import pytest

from reverie.digests.behaviour_name import AFTER_USER_SOURS, SESSION, BehaviourName, read_name, read_situation
from reverie.digests.digest import SituationReached
from reverie.digests.vocabulary import Phrase, describe
from reverie.sessions.event import Event
from tests.digests.made_events import call, digested, names, result, said, thought, user

FAILURE = (user(), call("lookup", id=1), result("Error: timeout", to=1, error=True))


def test_the_first_action_decides_the_start() -> None:
    digest = digested(user(), thought("1. look\n2. act"), call("sql", query="SHOW TABLES"), result(), call("b"))
    assert SituationReached(read_situation("start"), 0, 0) in digest.situations
    assert names(digest, "start") == {"call:sql:show", "inspects the schema", "think", "plan"}


def test_words_before_a_call_in_the_same_turn_do_not_hide_the_call() -> None:
    digest = digested(user(), said("Let me look."), call("a"))
    assert names(digest, "start") == {"answer", "say:promise", "call:a"}
    assert names(digested(user(), said("Which one?"), user(), call("a")), "start") == {"ask"}


def test_an_error_opens_its_class_and_any_error_once() -> None:
    digest = digested(*FAILURE, call("lookup", id=1), result("Error: timeout", to=3, error=True), call("other"))
    assert [s for s in digest.situations if s.situation.text.startswith("after")] == [
        SituationReached(read_situation("after error"), 2, 1),
        SituationReached(read_situation("after error:timeout"), 2, 1),
    ]
    assert names(digest, "after error:timeout") == names(digest, "after error") == {"call:lookup", "same call again"}


@pytest.mark.parametrize(
    ("move", "shown"),
    [
        (call("lookup", id=2), {"call:lookup", "same tool, changed input", "change:lookup.id"}),
        (call("list_tables"), {"call:list_tables", "other tool", "inspects the schema"}),
        (said("Which id?"), {"ask"}),
        (said("Sorry about this."), {"answer", "apology"}),
    ],
)
def test_the_move_after_an_error_is_compared_with_the_call_that_failed(move: Event, shown: set[str]) -> None:
    digest = digested(*FAILURE, move)
    assert names(digest, "after error") == shown
    assert {b.sequence for b in digest.behaviours if b.situation.text == "after error"} == {3}


def test_an_apology_followed_by_a_retry_in_one_turn_is_both() -> None:
    digest = digested(*FAILURE, said("Sorry, one moment."), call("lookup", id=1))
    assert names(digest, "after error") == {"answer", "apology", "call:lookup", "same call again"}


def test_a_situation_without_a_next_move_is_still_reached() -> None:
    digest = digested(*FAILURE)
    assert SituationReached(read_situation("after error:timeout"), 2, 1) in digest.situations
    assert names(digest, "after error:timeout") == set()


def test_another_thread_does_not_answer_for_the_one_that_failed() -> None:
    digest = digested(*FAILURE, call("elsewhere", thread="helper"), call("lookup", id=2))
    assert names(digest, "after error") == {"call:lookup", "same tool, changed input", "change:lookup.id"}


def test_an_empty_result_is_a_decision_too() -> None:
    digest = digested(call("search", q="x"), result("[]", to=0), call("search", q="y"))
    assert names(digest, "after empty result") == {"call:search", "same tool, changed input", "change:search.q"}


def test_the_first_sour_user_message_opens_a_decision() -> None:
    sour = user("This is terrible, I am very angry!")
    digest = digested(
        user("Hello"), said("Hi."), sour, said("I'm sorry to hear that."), call("refund"), sour, said("?")
    )
    assert SituationReached(read_situation("after user sours"), 2, 1) in digest.situations
    assert names(digest, "after user sours") == {"answer", "say:empathy", "call:refund"}
    calm = digested(user("Hello"), said("Hi."), user("Fine."))
    assert AFTER_USER_SOURS not in {s.situation for s in calm.situations}


def test_a_sour_user_ends_the_turn_that_an_error_left_open() -> None:
    digest = digested(*FAILURE, said("One moment."), user("This is terrible!"), call("lookup", id=1))
    assert names(digest, "after error") == {"answer"}
    assert names(digest, "after user sours") == {"call:lookup"}


def test_what_was_done_before_the_first_call_of_a_tool_is_known_at_that_call() -> None:
    digest = digested(user(), said("Shall I proceed?"), user(), call("verify"), result(), call("refund"), call("note"))
    assert SituationReached(read_situation("before refund"), 5, 2) in digest.situations
    assert names(digest, "before refund") == {"confirm", "call:verify"}
    assert {b.sequence for b in digest.behaviours if b.situation.text == "before refund"} == {5}
    assert names(digest, "before verify") == {"confirm"}


def test_text_that_is_no_command_is_not_an_action_to_prepare_for() -> None:
    digest = digested(call("sql", query="Hello there my friend"))
    assert [s.situation.text for s in digest.situations] == ["start"]


def test_facts_in_results_open_situations_for_what_follows() -> None:
    told = '{"tier": "gold", "name": "Mia", "id": "W12", "n": 3, "trip": {"cabin": "basic_economy", "flex": false}}'
    digest = digested(call("get_user"), result(told, to=0), said("Which?"), call("refund"))
    seen = [s.situation.text for s in digest.situations if s.situation.text.startswith("seen")]
    assert seen == [
        "seen get_user.tier=gold",
        "seen get_user.trip.cabin=basic_economy",
        "seen get_user.trip.flex=false",
    ]
    assert all(names(digest, name) == {"ask", "call:refund"} for name in seen)


def test_facts_are_limited_to_a_dozen_per_result_and_forty_per_session() -> None:
    words = [a + b for a in "abcdefgh" for b in "abcdefgh"]
    wide = "{" + ",".join(f'"{word}": "x"' for word in words) + "}"
    one = digested(call("get"), result(wide, to=0))
    assert sum(s.situation.text.startswith("seen") for s in one.situations) == 12
    events = [event for word in words for event in (call("get"), result(f'{{"kind": "{word}"}}'))]
    assert sum(s.situation.text.startswith("seen") for s in digested(*events).situations) == 40


@pytest.mark.parametrize("text", ["{not json", "[1]", '"gold"', '{"tier": ["gold"], "deep": {"b": {"c": {"d": "x"}}}}'])
def test_results_that_state_no_plain_fact_open_nothing(text: str) -> None:
    digest = digested(call("get_user"), result(text, to=0))
    assert not [s for s in digest.situations if s.situation.text.startswith("seen")]


@pytest.mark.parametrize(
    ("situation", "name", "phrase"),
    [
        ("session", "call:verify_identity", Phrase("call `verify_identity`", None)),
        ("session", "call:sql:describe", Phrase("run `DESCRIBE`", None)),
        ("session", "then:a→bash:grep", Phrase("run `grep` as the next tool after `a`", None)),
        ("session", "use:sql group by", Phrase("use `GROUP BY` in SQL", None)),
        ("session", "use:bash pipe", Phrase("use a pipe in the shell", None)),
        ("session", "retry:a", Phrase("try the `a` call again with changed input right after it failed", None)),
        ("session", "repeat:sql:select", Phrase("repeat an earlier `SELECT` statement unchanged", None)),
        ("session", "args:list_files.path", Phrase("give `path` when calling `list_files`", None)),
        ("session", "arg:search.limit=5", Phrase("set `limit` to `5` when calling `search`", None)),
        ("session", "arg:a.b.rate=0.5", Phrase("set `rate` to `0.5` when calling `a.b`", None)),
        ("session", "say:thanks", Phrase("thank the user", None)),
        ("after user sours", "reads memory", Phrase("look into memory", "the user sounds upset")),
        ("start", "ask", Phrase("first ask a clarifying question", None)),
        ("before refund", "ask", Phrase("ask a clarifying question before the first `refund` call", None)),
        ("before bash:rm", "call:bash:ls", Phrase("run `ls` before the first `rm` command", None)),
        ("after error:unknown column", "inspects the schema",
         Phrase("inspect the schema", "the last tool call failed with “unknown column”")),
        ("after error", "same call again", Phrase("make the same call again unchanged", "the last tool call failed")),
        ("after empty result", "ask", Phrase("ask a clarifying question", "the last tool call returned nothing")),
        ("seen get_user.tier=gold", "ask", Phrase("ask a clarifying question", "`get_user` has returned `tier=gold`")),
    ],
)  # fmt: skip
def test_behaviours_read_as_advice(situation: str, name: str, phrase: Phrase) -> None:
    assert describe(read_situation(situation), read_name(name)) == phrase


def test_an_unknown_behaviour_is_refused() -> None:
    with pytest.raises(KeyError):
        describe(SESSION, BehaviourName("levitate"))


def test_what_was_changed_after_an_error_is_named_with_its_new_value_where_that_is_one_of_a_few() -> None:
    again = call("lookup", id=1, form="iso", text="something that is no setting")
    changes = {name for name in names(digested(*FAILURE, again), "after error") if name.startswith("change:")}
    assert changes == {"change:lookup.form", "change:lookup.form=iso", "change:lookup.text"}
