"""Friction of sessions that nobody scored: what users objected to, after what, and what they asked for instead."""

from datetime import UTC, datetime, timedelta

from reverie.digests.derived.signal import SIGNALS, value_of
from reverie.overview.friction import FrictionCluster, FrictionReport, find_friction
from reverie.overview.likeness import alike, wording_of
from reverie.overview.reaction import TracedSession, with_repeats
from reverie.sessions.event import Event
from tests.digests.made_events import call, digested, result, said, user

DAY = datetime(2026, 3, 4, tzinfo=UTC)
TEST_EDIT = (call("Edit", file_path="tests/test_a.py"), result("done"))
OPENING = user("Please fix the login of the app.")


def traced(number: int, *events: Event, user_id: str | None = None, at: datetime | None = None) -> TracedSession:
    digest = digested(*events)
    intent, opening = digest.signals.intent, digest.opening
    return TracedSession(f"s{number}", user_id, None, intent, opening, at, digest.trace)


def only(report: FrictionReport, kind: str) -> FrictionCluster:
    (cluster,) = [each for each in report.clusters if each.kind == kind]
    return cluster


def test_corrections_are_grouped_by_what_the_agent_had_just_done_with_what_users_asked_for() -> None:
    words = ("No, don't touch the tests.", "No, never touch the tests!", "Don't edit the tests, you broke them.")
    sessions = [traced(i, OPENING, *TEST_EDIT, user(text), user_id=f"u{i}") for i, text in enumerate(words)]
    report = find_friction([*sessions, traced(9, OPENING, *TEST_EDIT, said("Done."), user("Thanks!"), user_id="u1")])
    found = only(report, "correction")
    assert (found.action, found.target, found.times, found.sessions, found.users) == ("Edit", "test file", 3, 3, 3)
    assert found.headline == (
        "Users corrected the agent 3 times after `Edit` on a test file (in 3 sessions, 3 users); 2 said not to"
    )
    assert found.asked[0].words == "No, don't touch the tests." and found.asked[0].against
    assert [each.family for each in found.families] == ["fix login"]
    assert found.examples[0].event_id.startswith("sevt_")


def test_calls_turned_down_stops_and_abandoned_sessions_each_have_their_line() -> None:
    denied = result("The user doesn't want to proceed with this tool use. The tool use was rejected.", error=True)
    push = call("Bash", command="git push --force")
    sessions = [traced(1, OPENING, push, denied, user("use a branch"))]
    sessions += [traced(i, OPENING, *TEST_EDIT, Event("user.interrupt", {}), user("stop it")) for i in (2, 3)]
    sessions += [traced(i, OPENING, said("Which login do you mean?")) for i in (4, 5, 6)]
    report = find_friction(sessions)
    assert only(report, "denial").headline.startswith("Users turned the agent's call down once: `git")
    assert only(report, "denial").asked[0].words == "use a branch"
    assert only(report, "interruption").times == 2
    assert only(report, "abandonment").headline == "3 sessions ended on the agent's question"


def test_an_error_is_worth_a_line_once_it_recurs_in_several_sessions() -> None:
    failed = (OPENING, call("find_user", name="x"), result("Error: user not found", error=True), said("Sorry."))
    assert only(find_friction([traced(i, *failed) for i in range(3)]), "error").target == "not found"
    assert find_friction([traced(1, *failed), traced(2, *failed)]).clusters == ()


def test_names_in_a_headline_are_short_and_steer_no_terminal() -> None:
    odd = "run\x1b[31m\u202e`now`\x07" + "t" * 300
    failed = (call(odd), result("Error: boom", error=True))
    headline = only(find_friction([traced(i, OPENING, *failed) for i in range(3)]), "error").headline
    assert headline.isprintable() and len(headline) < 120
    assert headline.count("`") == 2


def test_what_is_left_out_of_a_kind_with_many_causes_is_counted() -> None:
    sessions = [traced(i, OPENING, call(f"tool{i}"), result("ok"), user("No, that's wrong.")) for i in range(9)]
    report = find_friction(sessions)
    assert (len(report.clusters), report.unshown) == (6, 3)
    assert "3 rarer kinds of friction are left out" in report.notes


def test_the_report_says_what_it_could_not_see() -> None:
    dutch = user("Kun je de pagina voor mij maken, ik wil het graag nog een keer zien?")
    report = find_friction(
        [traced(1, dutch, *TEST_EDIT, user("Nee, dat is niet wat ik wil")), traced(2, OPENING, said("Done."))]
    )
    assert report.unread == {"nl": 1} and report.answered == 1 and report.users is None
    assert [note.partition(" ")[0] for note in report.notes] == ["in", "corrections,", "no"]


def test_a_user_who_asks_the_same_again_within_a_week_marks_the_first_session() -> None:
    ask = user("Please export the sales report of March as a spreadsheet.")
    again = user("I need the sales report for March exported as a spreadsheet, please.")
    first = traced(1, ask, said("Done."), user_id="a", at=DAY)
    others = [
        traced(2, again, said("Done."), user_id="a", at=DAY + timedelta(days=2)),
        traced(3, again, said("Done."), user_id="b", at=DAY + timedelta(days=2)),
        traced(4, again, said("Done."), user_id="a", at=DAY + timedelta(days=20)),
        traced(5, again, said("Done.")),
    ]
    marked = with_repeats([first, *others])
    repeated = [each.id for each in marked if value_of(SIGNALS["requests_repeated"], each.trace)]
    assert repeated == ["s1"]


def test_texts_are_alike_by_their_telling_words_and_only_on_the_same_side() -> None:
    linter = wording_of("Always run the linter first.")
    assert alike(linter, wording_of("please run the linter first, always"))
    assert alike(wording_of("never commit to main"), wording_of("Don't ever commit to main"))
    assert not alike(linter, wording_of("Never run the linter first."))
    assert not alike(linter, wording_of("Always run the tests last."))
    assert alike(wording_of("以后每次都要先运行测试", "zh"), wording_of("请先运行测试", "zh"))
