"""What shows how a session went: each occurrence with its event and its place, by name and not as success."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests.derived.occurrence import Occurrence, Trace
from reverie.digests.derived.signal import SIGNALS, goodness, value_of
from reverie.digests.derived.words import corrects, instructions, language_of, lexicon_of, thanks
from reverie.sessions.event import Event
from tests.digests.made_events import call, digested, result, said, user

ASKED = user("Please fix the login of the app.")
EDIT = call("Edit", file_path="src/login.py")


def trace(*events: Event) -> Trace:
    return digested(*events).trace


def of(found: Trace, *kinds: str) -> list[Occurrence]:
    return [each for each in found.occurrences if each.kind in kinds]


def signal(name: str, *events: Event, after: int = -1) -> float | None:
    return value_of(SIGNALS[name], trace(*events), after)


CORRECTIONS = {
    "en": (
        "No, that's wrong.",
        "You forgot the tests.",
        "I said only the header",
        "undo that",
        "It still doesn't work",
    ),
    "de": ("Nein, das ist falsch.", "Das funktioniert immer noch nicht.", "Ich habe doch gesagt: nur der Kopf"),
    "es": ("No, eso está mal.", "Te dije que no era ese.", "Sigue sin funcionar"),
    "fr": ("Non, ce n'est pas ça.", "Tu as oublié les tests.", "Ça ne marche toujours pas"),
    "zh": ("不对,应该是另一个", "还是报错", "你忘了测试"),
}
PLAIN = {
    "en": ("No, thanks.", "Yes, please go ahead.", "Now add a button to the page.", "No, that's all."),
    "de": ("Nein danke, das ist alles.", "Ja, bitte mach weiter."),
    "es": ("No, gracias.", "Sí, por favor, sigue."),
    "fr": ("Non merci.", "Oui, vas-y."),
    "zh": ("好的,继续", "没问题"),
}


@pytest.mark.parametrize(("language", "text"), [(x, text) for x, texts in CORRECTIONS.items() for text in texts])
def test_a_correction_is_told_in_every_language_that_has_a_lexicon(language: str, text: str) -> None:
    lexicon = lexicon_of(language)
    assert lexicon is not None and corrects(text, lexicon, asked=False)


@pytest.mark.parametrize(("language", "text"), [(x, text) for x, texts in PLAIN.items() for text in texts])
def test_what_only_looks_like_a_correction_is_none(language: str, text: str) -> None:
    lexicon = lexicon_of(language)
    assert lexicon is not None and not corrects(text, lexicon, asked=False)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Please fix the login of the app.", "en"),
        ("Bitte repariere die Anmeldung, sie geht nicht.", "de"),
        ("Por favor, arregla el inicio de sesión de la aplicación.", "es"),
        ("S'il te plaît, répare la connexion de l'application.", "fr"),
        ("请修复登录", "zh"),
        ("Por favor, não mude isso, está muito bom.", "pt"),
        ("ログインを直してください", "ja"),
        ("12345", ""),
        ("login.py:33 TypeError", ""),
    ],
)
def test_the_language_is_told_by_script_and_function_words(text: str, language: str) -> None:
    assert language_of([text]) == language


def test_without_a_lexicon_signals_that_rest_on_words_are_unknown_and_the_others_are_not() -> None:
    events = (user("Por favor, não mude isso, está muito bom."), EDIT, result(), Event("user.interrupt", {}))
    assert trace(*events).words_read is False
    assert signal("user_corrections", *events) is None
    assert signal("interruptions", *events) == 1


def test_a_no_to_the_agents_question_is_an_answer_and_unasked_it_is_a_correction() -> None:
    assert signal("user_corrections", ASKED, said("Shall I delete the old file?"), user("No.")) == 0
    assert signal("user_corrections", ASKED, EDIT, result(), said("Done with the file."), user("No.")) == 1


def test_asking_for_the_same_again_is_a_correction_in_any_language() -> None:
    again = "mohol by si prosím opraviť prihlásenie do aplikácie"
    assert trace(user(again), said("Hotovo."), user(again)).occurrences[0].kind == "correction"


def test_an_occurrence_names_its_event_what_was_done_before_and_to_what_and_the_users_words() -> None:
    events = (ASKED, call("Edit", file_path="tests/test_login.py"), result(), user("No, do not touch the tests."))
    (found,) = of(trace(*events), "correction")
    assert (found.sequence, found.step, found.action, found.target) == (3, 1, "Edit", "test file")
    assert found.quote == "No, do not touch the tests."


def test_a_call_turned_down_and_the_stop_behind_it_are_one_and_the_users_next_words_say_why() -> None:
    refusal = "The user doesn't want to proceed with this tool use. The tool use was rejected."
    events = (ASKED, EDIT, result(refusal, error=True), Event("user.interrupt", {}), user("use the other file"))
    (found,) = of(trace(*events), "denial", "interruption")
    assert (found.kind, found.action, found.quote) == ("denial", "Edit", "use the other file")


def test_the_users_words_in_a_refusal_are_its_quote() -> None:
    words = "The user doesn't want to take this action right now. The user said:\nnever push to main"
    found = trace(ASKED, call("Bash", command="git push"), result(words, error=True))
    assert [each.quote for each in of(found, "denial", "instruction")] == ["never push to main"] * 2


def test_a_call_that_a_rule_refused_was_turned_down_by_no_user() -> None:
    evaluation = {"evaluated_permission": {"type": "deny", "reason_code": "rule:no pushes"}}
    push = Event("agent.tool_use", {"name": "Bash", "input": {"command": "git push"}, "evaluation": evaluation})
    found = trace(ASKED, push, result("The user refused this call; it was not run.", error=True))
    assert [each.kind for each in found.occurrences] == ["error", "unanswered error", "ended on error"]


def test_a_signal_of_a_check_is_that_of_its_last_run_and_unknown_where_it_never_ran() -> None:
    tests = call("Bash", command="pytest")
    events = (ASKED, tests, result("1 failed in 0.1s", error=True), EDIT, result(), tests, result("1 passed in 0.1s"))
    assert signal("tests_passed", *events) == 1
    assert signal("tests_passed", *events[:5]) == 0
    assert signal("tests_passed", ASKED, EDIT, result()) is None


def test_after_a_moment_only_what_came_later_counts() -> None:
    events = (ASKED, EDIT, result(), user("No, that's wrong."), EDIT, result(), user("Still wrong."))
    assert [signal("user_corrections", *events, after=step) for step in (0, 1, 2)] == [2, 1, 0]


def test_a_check_that_could_not_be_started_is_no_failed_check() -> None:
    assert (
        signal(
            "tests_passed", ASKED, call("Bash", command="pytest"), result("bash: pytest: command not found", error=True)
        )
        is None
    )


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ((ASKED, said("Which login do you mean?")), "ended on question"),
        ((ASKED, call("Bash", command="make")), "ended on running tool"),
        ((ASKED, EDIT, result("Error: no such file", error=True)), "ended on error"),
        ((ASKED, Event("session.error", {"error": {"type": "overloaded_error"}})), "ended on error"),
    ],
)
def test_a_session_left_before_its_end_is_abandoned(events: Sequence[Event], kind: str) -> None:
    assert [each.kind for each in of(trace(*events), kind)] == [kind]
    assert signal("abandoned", *events) == 1
    assert signal("abandoned", *events, user("ok"), said("All of it is done.")) == 0


def test_thanks_at_the_end_is_a_satisfied_close_and_thanks_with_a_but_is_none() -> None:
    english = lexicon_of("en")
    assert english is not None and not thanks("Thanks, but it fails.", english)
    assert signal("satisfied_close", ASKED, said("Done."), user("Perfect, thank you!")) == 1
    assert signal("satisfied_close", ASKED, said("Done."), user("Thanks!"), said("Sure."), user("Now the footer.")) == 0


def test_commits_pushes_and_what_takes_them_back_are_counted() -> None:
    commands = (
        "git add . && git commit -m 'x'",
        "git push origin main",
        "gh pr create --fill",
        "git reset --hard HEAD~1",
    )
    events = [ASKED, *(event for text in commands for event in (call("Bash", command=text), result("ok")))]
    assert [signal(name, *events) for name in ("commits", "pushes", "pull_requests", "reverts")] == [1, 1, 1, 1]


def test_an_error_that_nothing_was_done_about_is_unanswered() -> None:
    failed = (ASKED, EDIT, result("Error: no such file", error=True))
    assert signal("unanswered_errors", *failed, said("All is done.")) == 1
    assert signal("unanswered_errors", *failed, EDIT, result(), said("All is done.")) == 0


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("Fix it. Always run the linter first, please. Thanks!", ["Always run the linter first, please."]),
        ("From now on use pnpm, never npm.", ["From now on use pnpm, never npm."]),
        ("I prefer short answers.", ["I prefer short answers."]),
        ("It always fails. The page never loads.", []),
        ("Have you ever seen this? I never did.", []),
        ("Don't push without asking me.", ["Don't push without asking me."]),
    ],
)
def test_standing_orders_are_told_from_what_merely_tells(text: str, orders: list[str]) -> None:
    english = lexicon_of("en")
    assert english is not None and instructions(text, english) == orders


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([ASKED, EDIT, result(), user("No, wrong."), said("Done?"), user("thanks")]), max_size=12)
)
def test_every_occurrence_is_of_an_event_that_is_there_and_every_signal_has_a_goodness(events: list[Event]) -> None:
    found = trace(*events)
    assert all(0 <= each.sequence < len(events) for each in found.occurrences)
    values = [(each, value_of(each, found)) for each in SIGNALS.values()]
    assert all(0 <= goodness(each, value) <= 1 for each, value in values if value is not None)
