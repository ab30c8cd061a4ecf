"""The page as a whole: what it says, what it links to, how big it is."""

import re
from functools import cache
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from reverie.dreams.dream import DreamResult, PlaceboCounts, StrataSummary
from reverie.ids import event_id
from reverie.lessons.lesson import Evidence, Scope
from reverie.reports.evidence import SHOWN_TRANSCRIPTS
from reverie.reports.html import render_report
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Session, Transcript
from tests.reports.dream_samples import NOON, PROVING, conversation, empty_dream, lesson, support_desk


class _Reader(HTMLParser):
    """Collects ids, links and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "action"):
                self.links.append(f"{tag} {value}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("a", "b", "code", "span"):
            self.words.append(" ")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def _page(result: DreamResult | None = None) -> str:
    if result is None:
        return _sample_page()
    return render_report(result, support_desk()[1], generated_at=NOON)


@cache
def _sample_page() -> str:
    return render_report(*support_desk(), generated_at=NOON)


def test_the_title_says_what_was_adopted_and_what_the_placebo_found() -> None:
    sentence = "3 lessons adopted from 2,000 sessions; the placebo found none."
    assert f"<h1>{sentence}</h1>" in _page()
    assert f"<title>{sentence} – Reverie</title>" in _page()


def test_a_lesson_gives_its_numbers_in_words() -> None:
    text = _Reader(_page()).text
    assert "With it 71 of 100 412 sessions Without 52 of 100 388 sessions" in text
    assert "Compared within 38 tasks: +0.19 reward, 95 % interval +0.08 to +0.30; q < 0.001" in text
    assert "Explained away by it: call add_note;" in text
    assert "Why adopted: Confirmed on sessions kept aside, in 38 tasks." in text


def test_every_link_stays_in_the_page_and_lands_on_one_element() -> None:
    reader = _Reader(_page())
    assert reader.links
    assert len(reader.ids) == len(set(reader.ids))
    for link in reader.links:
        _, _, target = link.partition(" ")
        assert target.startswith("#")
        assert target[1:] in reader.ids


def test_evidence_links_to_the_event_that_proves_it() -> None:
    anchor = event_id("desk-0000", PROVING)
    page = _page()
    assert f'<a href="#{anchor}" title="desk-0000">' in page
    assert re.search(rf'<div class="turn agent call proves" id="{anchor}">', page)


def test_a_cited_session_that_is_not_at_hand_is_named_without_a_link() -> None:
    assert '<span title="desk-9999, not shown here">desk-9999</span>' in _page()


def test_not_enough_repeats_to_tell_is_told_before_the_first_section() -> None:
    note = "not enough repeats to tell: 50 tasks of 4 runs"
    strata = StrataSummary(by="task", strata=50, informative=3, variants=1, detectable_effect=None, note=note)
    text = _Reader(_page(replace(support_desk()[0], strata=strata))).text
    assert 0 < text.index(note) < text.index("Sessions read")
    assert "not enough repeats to say" in text


def test_lessons_in_the_placebo_are_owned_up_to() -> None:
    result = replace(support_desk()[0], placebo=PlaceboCounts(runs=20, lessons=4))
    text = _Reader(_page(result)).text
    assert "the placebo found 4 lessons in 20 runs." in text
    assert "The same mining on shuffled rewards, 20 runs: 4 lessons." in text
    assert "About 0.2 of the 3 adopted lessons could therefore be chance" in text


def test_changes_are_listed_with_path_and_reason() -> None:
    text = _Reader(_page()).text
    assert "4 changes, written together as revision 7." in text
    assert "⇄ merge /notes/refunds.md Same text as /notes/money-back.md." in text


def test_model_usage_is_printed_when_there_was_any() -> None:
    assert "No model was used" in _page()
    page = _page(replace(support_desk()[0], usage={"input_tokens": 12000, "by_model": {"small-1": {"usd": 0.4}}}))
    assert "No model was used" not in page
    text = _Reader(page).text
    assert "input tokens 12,000" in text
    assert "by_model · small-1 · usd 0.4" in text


@pytest.mark.parametrize(
    ("result", "meaning", "next_step"),
    [
        (empty_dream(), "Nothing to dream of", "reverie import PATH"),
        (replace(empty_dream(), where="agent = 'x'"), "No session matches agent = 'x'.", "Loosen the expression"),
        (empty_dream(read=9), "none of them is scored", "reverie score SESSION METRIC=VALUE"),
        (empty_dream(read=1), "it is not scored", "reverie score SESSION METRIC=VALUE"),
        (empty_dream(read=1, scored=1), "Only one session has a score", "several runs of the same task"),
        (empty_dream(read=9, scored=9), "No behaviour recurs", "More runs of the same tasks"),
        (empty_dream(read=9, scored=9, tested=5), "5 patterns tested, and no lesson passed", "More runs of the same"),
        (empty_dream(read=9, scored=9, tested=5), "Of 5 patterns tested, none stood out", "More runs of the same"),
        (replace(empty_dream(read=9), status="failed"), "This dream failed after reading 9", "dream again"),
    ],
)
def test_an_empty_dream_says_what_that_means_and_what_to_do_next(
    result: DreamResult, meaning: str, next_step: str
) -> None:
    text = _Reader(render_report(result, {}, generated_at=NOON)).text
    assert meaning in text
    assert next_step in text.partition("What to do next:")[2]


def test_a_dream_with_lessons_gives_no_advice_for_empty_ones() -> None:
    assert "What to do next" not in _page()


def test_the_same_dream_always_gives_the_same_page() -> None:
    assert _page() == _page()


def test_a_hundred_lessons_with_ten_long_sessions_each_stay_below_three_megabytes() -> None:
    names = [f"long-{number}" for number in range(1000)]
    transcripts = {name: conversation(name, further_turns=150) for name in names}
    lessons = tuple(lesson(number, cited=tuple(names[number::100]), scope=Scope()) for number in range(100))
    page = render_report(replace(support_desk()[0], lessons=lessons), transcripts, generated_at=NOON)
    assert len(page.encode()) < 3_000_000
    assert page.count('<article class="transcript"') == SHOWN_TRANSCRIPTS
    assert "60 of the 1,000 sessions that the lessons cite" in page


def test_a_page_stays_small_when_many_lessons_cite_the_same_wordy_sessions() -> None:
    names = [f"wordy-{number}" for number in range(10)]
    quotes = Event(type="agent.message", payload={"content": text_content('"' * 5000)})
    session = [Transcript(Session(id=name, source="chat"), (quotes,) * 1000) for name in names]
    lessons = tuple(
        lesson(n, evidence=tuple(Evidence(name, event_id(name, 10 * n)) for name in names)) for n in range(100)
    )
    result = replace(support_desk()[0], lessons=lessons)
    page = render_report(result, {item.session.id: item for item in session}, generated_at=NOON)
    assert len(page.encode()) < 3_000_000
    reader = _Reader(page)
    assert all(link.partition("#")[2] in reader.ids for link in reader.links)
