"""Whoever deletes must be surer than whoever keeps: nothing goes because of what is said of another subject."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.assist.merger import mergeable_groups
from reverie.memory.conflicts import without_marks
from reverie.memory.consolidation import plan_consolidation
from reverie.memory.policy import ConsolidationPolicy, MemoryPolicy
from reverie.memory.subject import merge_key, subject_of
from reverie.memory.tiers import Document

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FREE = MemoryPolicy(consolidation=ConsolidationPolicy(loss_cap=1))


def note(path: str, content: str, days: float = 5) -> Document:
    written_at = NOW - timedelta(days=days)
    return Document(path, content, "intermediate", written_at, written_at)


def changed(*documents: Document) -> dict[str, str | None]:
    return {planned.edit.path: planned.edit.content for planned in plan_consolidation(documents, FREE, NOW)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/ravi/profile.md", "/mina/profile.md"),
        ("/people/ravi.md", "/people/mina.md"),
        ("/people/ravi-phone.md", "/people/mina-phone.md"),
        ("/ravi.md", "/mina.md"),
        ("/shop/README.md", "/blog/README.md"),
        ("/projects/shop/notes.md", "/projects/blog/notes.md"),
        ("/teams/red/rules.md", "/teams/blue/rules.md"),
        ("/customers/1.md", "/customers/2.md"),
        ("/customers/1/profile.md", "/customers/2/profile.md"),
        ("/kunden/müller.md", "/kunden/schmidt.md"),
        ("/客户/张三.md", "/客户/李四.md"),
        ("/log/2026-01-01.md", "/log/2026-01-02.md"),
        ("/20260101.md", "/20260102.md"),
        ("/2026/01/01/build.md", "/2026/01/02/build.md"),
        ("/build-2026-W03.md", "/build-2026-W04.md"),
        ("/jan-2026.md", "/feb-2026.md"),
        ("/März 2026.md", "/April 2026.md"),
        ("/2026年1月.md", "/2026年2月.md"),
        ("/journal/a.md", "/journal/b.md"),
        ("/CHANGELOG.md", "/CHANGELOG-old.md"),
        ("/meetings/a.md", "/meetings/b.md"),
        ("/tagebuch.md", "/tagebuch-2.md"),
    ],
)
@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("Build status: green", "Build status: red"),
        ("Phone model: X1\nLikes window seats and an early check in.", "Phone model: X2\nLikes window seats."),
        ("Wants tea at four and quiet rooms.", "Wants tea at four and quiet rooms."),
    ],
)
def test_notes_of_different_subjects_or_days_are_left_alone(first: str, second: str, older: str, newer: str) -> None:
    assert changed(note(first, older, 9), note(second, newer, 3)) == {}
    assert mergeable_groups([note(first, older, 9), note(second, f"{older} Always.", 3)], 0.99) == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I love Chinese food.", "I hate Chinese food."),
        ("prefers tea", "no longer prefers tea"),
        ("User likes tea.", "User doesn't like tea anymore."),
        ("lives in Leeds", "lives in York"),
        ("Works at Acme.", "Works for Bolt."),
        ("My favourite colour is blue.", "My favourite colour is green."),
        ("City: Leeds", "City: York"),
        ("Refunds are allowed on Sundays.", "Refunds are forbidden on Sundays."),
        ("Gold members always pay for bags.", "Gold members never pay for bags."),
        ("用户喜欢喝绿茶。", "用户不喜欢喝绿茶。"),
        ("用户喜欢喝绿茶。", "用户讨厌喝绿茶。"),
        ("用户住在北京。", "用户住在上海。"),
        ("彼は緑茶が好きです。", "彼は緑茶が嫌いです。"),
        ("Er mag grünen Tee.", "Er mag keinen grünen Tee."),
        ("Il aime le thé vert.", "Il n'aime pas le thé vert."),
        ("Le gusta el té verde.", "Ya no le gusta el té verde."),
        ("Он любит зелёный чай.", "Он не любит зелёный чай."),
    ],
)
def test_contradictions_of_one_folder_or_file_are_marked_the_later_first_and_kept(older: str, newer: str) -> None:
    notes = note("/ravi/a.md", older, 9), note("/ravi/likes.md", newer, 3)
    after = changed(*notes)
    order = f"“{newer}” came after “{older}”."
    assert after == {
        "/ravi/a.md": f"{older}\n\n> Contradicted by /ravi/likes.md, written later: {order}\n",
        "/ravi/likes.md": f"{newer}\n\n> Contradicted by /ravi/a.md, written earlier: {order}\n",
    }
    assert changed(*(note(each.path, after[each.path] or "", 9 - 6 * place) for place, each in enumerate(notes))) == {}
    if ": " not in older and not older.startswith("My"):
        within = changed(note("/ravi/a.md", f"{older}\n{newer}\n"))["/ravi/a.md"]
        assert within is not None and f"> Contradicted by itself: “{newer}” stands after “{older}”" in within


@pytest.mark.parametrize(
    "content",
    [
        "## Ravi\nI love tea.\n## Mina\nI hate tea.\n",
        "## 2026-01-01\nBuild is green today.\n## 2026-01-02\nBuild is not green today.\n",
        "Ravi loves tea.\nMina hates tea.\n",
        "Order status: sent\nOrder status: lost\n",
        "Does he like tea?\nHe does not like tea.\n",
    ],
)
def test_sections_days_persons_and_records_of_one_note_do_not_contradict_each_other(content: str) -> None:
    assert changed(note("/a.md", content)) == {}


def test_an_answer_to_what_the_name_asks_is_no_boilerplate() -> None:
    assert changed(note("/ravi/allergies.md", "None"), note("/ravi/likes.md", "🍵")) == {}


def test_headings_that_name_different_subjects_keep_equal_lines_apart() -> None:
    line = "Wants tea at four, quiet rooms and a late check out on every stay."
    assert changed(note("/a.md", f"# Ravi\n{line}", 9), note("/b.md", f"# Mina\n{line}", 3)) == {}


LINES = ("Phone model: X1", "Phone model: X2", "I love tea.", "I hate tea.", "Subject: phone", "lives in Leeds", "Tea.")
PATHS = ("/ravi/a.md", "/mina/a.md", "/people/ravi.md", "/people/mina.md", "/2026-01-01.md", "/2026-01-02.md", "/a.md")
NOTES = st.dictionaries(
    st.sampled_from([*PATHS, "/ravi/b.md", "/b.md", "/1.md", "/2.md", "/shop/readme.md"]),
    st.tuples(st.lists(st.sampled_from(LINES), min_size=1, max_size=4).map("\n".join), st.integers(1, 4)),
)


@given(NOTES)
def test_no_plan_removes_a_line_unless_a_note_of_the_same_subject_stays(notes: dict[str, tuple[str, int]]) -> None:
    before = {path: note(path, content, days) for path, (content, days) in notes.items()}
    after = {path: document.content for path, document in before.items()}
    for planned in plan_consolidation(list(before.values()), FREE, NOW):
        if planned.edit.content is None:
            del after[planned.edit.path]
        else:
            after[planned.edit.path] = planned.edit.content
    for path, document in before.items():
        lost = set(document.content.splitlines()) - set(without_marks(after.get(path, "")).splitlines())
        key = merge_key(subject_of(path, document.content))
        kin = [p for p in after if p != path and merge_key(subject_of(p, before[p].content)) == key]
        assert not lost or (key is not None and kin)
