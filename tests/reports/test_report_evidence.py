"""Which transcripts are shown, and how they are folded."""

from reverie.ids import event_id
from reverie.lessons.lesson import Evidence
from reverie.reports.evidence import SHOWN_TRANSCRIPTS, choose_sessions, cite, show_transcripts
from reverie.sessions.session import Transcript
from tests.reports.dream_samples import PROVING, conversation, lesson


def _conversations(*names: str) -> dict[str, Transcript]:
    return {name: conversation(name) for name in names}


def test_a_session_that_two_lessons_cite_is_shown_once_and_names_both() -> None:
    lessons = (lesson(0, cited=("a-0001", "b-0002")), lesson(1, cited=("b-0002",)))
    shown = show_transcripts(lessons, _conversations("a-0001", "b-0002"))
    assert [(item.session.id, item.cited_by) for item in shown] == [("a-0001", (1,)), ("b-0002", (1, 2))]


def test_the_limit_starves_no_lesson() -> None:
    many = tuple(f"a-{number:04d}" for number in range(2 * SHOWN_TRANSCRIPTS))
    lessons = (lesson(0, cited=many), lesson(1, cited=("b-0001", "b-0002")))
    chosen = choose_sessions(lessons, _conversations(*many, "b-0001", "b-0002"))
    assert len(chosen) == SHOWN_TRANSCRIPTS
    assert chosen[:4] == ("a-0000", "b-0001", "a-0001", "b-0002")


def test_counter_examples_come_after_all_evidence() -> None:
    against = (Evidence("c-0001", "sevt_x"),)
    lessons = (lesson(0, cited=("a-0001",), counter_examples=against), lesson(1, cited=("b-0001",)))
    assert choose_sessions(lessons, _conversations("a-0001", "b-0001", "c-0001")) == ("a-0001", "b-0001", "c-0001")


def test_turns_near_the_deciding_event_are_open_and_the_rest_is_folded() -> None:
    (shown,) = show_transcripts((lesson(0, cited=("a-0001",)),), _conversations("a-0001"))
    opened = [turn.turn.sequence for item in shown.passages if item.display == "open" for turn in item.turns]
    assert opened == [1, *range(PROVING - 2, PROVING + 3)]
    assert {item.display for item in shown.passages} == {"open", "folded"}


def test_only_the_cited_event_is_marked() -> None:
    (shown,) = show_transcripts((lesson(0, cited=("a-0001",)),), _conversations("a-0001"))
    marked = [turn.anchor for item in shown.passages for turn in item.turns if turn.proves]
    assert marked == [event_id("a-0001", PROVING)]


def test_turns_far_from_the_deciding_event_are_left_out_of_a_very_long_session() -> None:
    long = {"a-0001": conversation("a-0001", further_turns=2000)}
    (shown,) = show_transcripts((lesson(0, cited=("a-0001",)),), long)
    assert [item.display for item in shown.passages][-1] == "left out"
    assert sum(len(item.turns) for item in shown.passages) == len(long["a-0001"].events)


def test_an_event_that_has_no_turn_is_cited_by_its_session() -> None:
    lessons = (lesson(0, cited=("a-0001",)),)
    shown = show_transcripts(lessons, _conversations("a-0001"))
    citations = cite((Evidence("a-0001", "sevt_unknown"), Evidence("z-0001", "sevt_unknown")), shown)
    assert [item.href for item in citations] == ["#session-1", None]
