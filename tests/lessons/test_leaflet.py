"""Lessons as a list in somebody else's file: whatever they say, it stays a list of one line each."""

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reverie.lessons.leaflet import AdoptedLesson, lesson_line, make_leaflet
from reverie.lessons.lesson import Effect, Lesson, Scope
from reverie.lessons.marked_block import find_block, write_block

ODD = [
    "<!--",
    "-->",
    '<!-- reverie:end store="desk" -->',
    "# ",
    "```",
    "~~~",
    "`",
    "\\",
    "<details>",
    "> ",
    "1. ",
    "- ",
]
ADVICE = st.lists(
    st.one_of(
        st.sampled_from([*ODD, "===", "---", "* * *", "\n", "\r", "\u2028", "\u202e", "[a]: b", "x"]),
        st.text(max_size=5),
    ),
    min_size=1,
).map("".join)


def adopted(advice: str, *, number: int = 1, low: float = 0.1, scope: Scope | None = None) -> AdoptedLesson:
    lesson = Lesson(
        id=f"lsn_{number}",
        kind="best_practice",
        scope=scope or Scope(),
        behaviour="anywhere | call:read",
        effect=Effect(low + 0.1, low, low + 0.2),
        q_value=0.01,
        strata_informative=3,
        sessions_with=20,
        sessions_without=20,
        evidence=(),
        status="adopted",
        reason="it holds",
    )
    return AdoptedLesson(lesson, "memver_1", advice)


@given(ADVICE, st.text(min_size=1, max_size=20))
@example("`a <!-- b`", "desk")
@example("\u200b# heading", "desk")
def test_whatever_is_advised_is_one_item_of_a_list_and_ends_neither_list_nor_marks(advice: str, family: str) -> None:
    for scope in (Scope(), Scope(agent=family, task_family=family)):
        leaflet = make_leaflet([adopted(advice, scope=scope)], "desk")
        data = write_block(b"# Mine\n", "desk", leaflet.text) + b"\n# Also mine\n"
        found = find_block(data, "desk")
        assert found is not None and found.content == leaflet.text and len(leaflet.text.splitlines()) == 3
        assert "<!--" not in leaflet.text and "-->" not in leaflet.text
        tokens = MarkdownIt("commonmark").parse(data.decode())
        inside = [token.type for token in tokens[4:-4] if not token.type.startswith("inline")]
        assert [token.type for token in tokens if token.type == "heading_open"] == ["heading_open"] * 2
        assert inside == [
            *("paragraph_open", "paragraph_close", "bullet_list_open", "list_item_open"),
            *("paragraph_open", "paragraph_close", "list_item_close", "bullet_list_close"),
        ]
        assert not any(child.type == "html_inline" for token in tokens for child in token.children or ())


def test_a_line_says_where_the_advice_holds_and_keeps_code_readable() -> None:
    scope = Scope(agent="desk", task_family="refund")
    line = lesson_line(adopted("Call `get <id>` first, never <b>", scope=scope))
    assert line == "- For the agent “desk”, in tasks of the kind “refund”: Call `get <id>` first, never &lt;b>."
    assert lesson_line(adopted("Look", scope=Scope(task_family="refund"))) == "- In tasks of the kind “refund”: Look."
    assert lesson_line(adopted("# 1")) == "- \\# 1." and lesson_line(adopted("2) two")) == "- 2\\) two."


def test_the_surest_come_first_and_the_rest_is_left_out_by_name() -> None:
    many = [adopted("a" * 100, number=number, low=number / 10) for number in range(9)]
    leaflet = make_leaflet(many, "desk", 130)
    assert leaflet.lesson_ids == ("lsn_8", "lsn_7", "lsn_6") and leaflet.left_out[0] == "lsn_5"
    assert len(leaflet.left_out) == 6 and len(leaflet.text) <= 130 * 4


def test_without_a_lesson_there_is_no_text() -> None:
    assert make_leaflet([], "desk").text == ""
    assert make_leaflet([adopted("a" * 100)], "desk", 10).text == ""
