"""What agents that give each other tasks did: briefs, reports and work done twice."""

import pytest

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.digests.digest import Digest
from reverie.digests.vocabulary import describe
from reverie.ids import event_id
from reverie.sessions.event import Event
from tests.digests.made_events import SESSION_ID, began, brief, call, digested, names, result, said, sent, user

OPENING = [user("Write the release notes."), call("create_agent", name="writer"), began("w", "writer")]
WRITER = Situation("delegating", "writer")


def session(*events: Event) -> Digest:
    return digested(*OPENING, *events)


def written(tool: str = "write_file", **arguments: str) -> list[Event]:
    return [call(tool, "w", **arguments), result("saved", thread="w")]


def checked(text: str = "3 passed") -> list[Event]:
    return [call("run_tests", "w"), result(text, thread="w")]


def reported(*events: Event) -> set[str]:
    return names(session(brief("Draft it."), *events), "reporting writer")


def test_a_brief_shows_each_of_its_parts_for_the_agent_that_gets_it() -> None:
    digest = session(brief("Draft the notes in `NOTES.md`. It is done when every ticket is named."))
    assert names(digest, "delegating writer") == {"brief:writer goal", "brief:writer inputs", "brief:writer done"}
    (reached,) = [each for each in digest.situations if each.situation == WRITER]
    assert (reached.sequence, reached.step) == (3, 1)


def test_what_is_said_before_the_agent_acts_belongs_to_its_brief_and_no_more() -> None:
    early, late = brief("Answer as JSON."), brief("It is done when it parses.")
    digest = session(brief("Draft it."), early, *written(), late)
    assert names(digest, "delegating writer") == {"brief:writer goal", "brief:writer format"}


def test_of_an_agent_that_is_called_in_twice_the_first_task_counts() -> None:
    again = [began("x", "writer"), brief("Draft it as JSON.", "x")]
    assert names(session(brief("Draft it."), *again), "delegating writer") == {"brief:writer goal"}


def test_an_agent_without_a_readable_name_is_another_agent() -> None:
    digest = digested(user(), brief("Draft it.", "a0f3"), said("Done.", "a0f3"))
    assert names(digest, "delegating another agent") == {"brief:another agent goal"}


def test_handing_over_is_named_by_the_agent_where_its_thread_is_an_id() -> None:
    digest = digested(
        user(), said("Let me ask."), began("sthr_1", "writer"), brief("Go.", "sthr_1"), said("x", "sthr_1")
    )
    assert "hand-off:writer" in names(digest)


def test_what_the_sessions_own_thread_receives_is_a_report_and_no_task() -> None:
    received = Event("agent.thread_message_received", {"content": [], "from_session_thread_id": "w"})
    assert not {each.situation.kind for each in session(received).situations} & {"delegating", "reporting"}


def test_a_check_after_the_last_change_verifies_the_report() -> None:
    assert "verified before report:writer" in reported(*written(), *checked(), sent("Done."))
    assert "verified before report:writer" in reported(*written(), *checked("1 failed"), sent("It fails."))
    assert "verified before report:writer" not in reported(*checked(), *written(), sent("Done."))
    assert "verified before report:writer" not in reported(*written(), sent("Done."))


def test_a_shell_command_that_tests_is_a_check_and_one_that_was_not_found_is_none() -> None:
    command = call("bash", "w", command="pytest -q")
    assert "verified before report:writer" in reported(*written(), command, result("4 passed", thread="w"), sent("Ok."))
    missing = result("bash: pytest: command not found", error=True, thread="w")
    assert "verified before report:writer" not in reported(*written(), command, missing, sent("Ok."))


@pytest.mark.parametrize("report", ["See src/notes.md.", "There are 1,204 tickets.", 'It says "no tickets left".'])
def test_a_report_that_names_what_its_tools_returned_cites_evidence(report: str) -> None:
    found = 'src/notes.md: "no tickets left" of 1,204'
    assert reported(call("grep", "w"), result(found, thread="w"), sent(report)) == {"reports evidence:writer"}


def test_what_the_brief_named_or_nobody_returned_is_no_evidence() -> None:
    looked = [call("grep", "w"), result("1204 in src/notes.md", thread="w")]
    assert reported(*looked, sent("I counted 77 in src/other.md.")) == set()
    told = session(brief("Count in src/notes.md, about 1204."), *looked, sent("1204 in src/notes.md"))
    assert names(told, "reporting writer") == set()


def test_a_question_before_anything_was_done_asks_back() -> None:
    assert reported(sent("Which tickets do you mean?")) == {"asked back:writer"}
    assert reported(*written(), sent("Which tickets do you mean?")) == set()


def test_messages_to_others_are_no_report() -> None:
    digest = session(began("c", "critic"), brief("Judge it.", "c"), brief("Draft it."), sent("Look at this.", "w", "c"))
    assert "reporting writer" not in {each.situation.text for each in digest.situations}


def test_without_messages_back_the_last_words_are_the_report_once_whoever_waited_goes_on() -> None:
    log = [brief("Draft it."), *written(), *checked(), said("It is drafted.", "w")]
    assert names(session(*log), "reporting writer") == set()
    assert names(session(*log, said("Here it is.")), "reporting writer") == {"verified before report:writer"}


def test_without_messages_back_a_result_that_repeats_the_last_words_shows_the_report() -> None:
    meanwhile = call("read_file")
    log = [brief("Draft it."), meanwhile, *checked(), said("All is tested well.", "w"), call("grep", "w")]
    assert names(session(*log, result("All is tested well.")), "reporting writer") == set()
    log[-1] = result("All is tested well.")
    assert names(session(*log), "reporting writer") == {"verified before report:writer"}


def test_without_messages_back_the_result_of_the_call_that_began_the_thread_shows_the_report() -> None:
    task, aside = call("Task"), call("grep")
    began_by = Event("session.thread_created", {**began("w", "writer").payload, "tool_use_id": event_id(SESSION_ID, 1)})
    log = [user(), task, began_by, brief("Draft it."), aside, *checked(), said("Yes.", "w")]
    assert names(digested(*log, result("fine", to=4)), "reporting writer") == set()
    assert names(digested(*log, result("fine", to=1)), "reporting writer") == {"verified before report:writer"}


def test_a_call_that_another_thread_made_is_repeated_work_until_something_changes() -> None:
    read = [call("read_file", "w", path="a"), result("x", thread="w")]
    own = call("read_file", path="a")
    assert "repeats another thread:read_file" in names(session(brief("Go."), *read, own))
    assert "repeats another thread:read_file" in names(session(own, brief("Go."), *read))
    assert "repeats another thread:read_file" not in names(session(brief("Go."), *read, *written(), own))
    assert "repeats another thread:read_file" not in names(session(brief("Go."), *read, *read))


def test_threads_that_were_asked_the_same_may_do_the_same() -> None:
    asked = [brief("How many?", "w"), began("c", "critic"), brief("How many?", "c")]
    both = [call("count", "w", of="x"), call("count", "c", of="x")]
    assert "repeats another thread:count" not in names(session(*asked, *both))


def test_agents_that_give_nobody_a_task_repeat_nobody() -> None:
    speakers = [call("read_file", "alice", path="a"), call("read_file", "bob", path="a")]
    assert "repeats another thread:read_file" not in names(digested(user(), *speakers))


@pytest.mark.parametrize(
    ("situation", "name", "told"),
    [
        (WRITER, "brief:writer done", ("say when it is done and how it will be checked", "you call in `writer`")),
        (SESSION, "brief:writer goal", ("say what is wanted and what for when you call in `writer`", None)),
        (Situation("reporting", "writer"), "asked back:writer",
         ("ask back before doing anything", "you are given a task as `writer`")),
        (Situation("delegating", "another agent"), "brief:another agent limits",
         ("say how much it may take at most", "you call in another agent")),
        (SESSION, "repeats another thread:bash:grep",
         ("have two agents make the same `grep` command instead of passing on what it returned", None)),
    ],
)  # fmt: skip
def test_behaviours_of_teams_are_said_so_that_an_agent_can_follow_them(
    situation: Situation, name: str, told: tuple[str, str | None]
) -> None:
    family, _, subject = name.partition(":")
    phrase = describe(situation, BehaviourName(family, subject))
    assert (phrase.action, phrase.condition) == told
