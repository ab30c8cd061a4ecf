"""A block in somebody else's file: what is around it stays as it is, byte for byte."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reverie.errors import InputError
from reverie.lessons.marked_block import find_block, remove_block, write_block

OWNER = "support"
PIECES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b"\r", b"# Rules", b"- one", b"\xef\xbb\xbf", b"```", b"<!--", b"-->", b"\xff", b" "),
        b'<!-- reverie:begin store="other" sha256="0" -->\n',
        b'\n<!-- reverie:end store="other" -->',
        b'see <!-- reverie:end store="support" -->',
    ]
)
FILES = st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=8).map(b"".join)
CONTENTS = st.lists(st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), max_size=20), min_size=1).map(
    lambda lines: "\n".join(f"- {line}" for line in lines)
)
OWNERS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def is_text(data: bytes) -> bool:
    return b"\0" not in data and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


@given(FILES.filter(is_text), CONTENTS, CONTENTS, OWNERS)
@example(b"\xef\xbb\xbf", "- a", "- b", OWNER)
@example(b"a\r\nb", "- a", "- b", '"--><!-- x')
@example(b"a\nb\r", "- a", "- b", "Café")
def test_whatever_the_file_writing_twice_is_writing_once_and_taking_out_gives_the_file_back(
    data: bytes, first: str, second: str, owner: str
) -> None:
    written = write_block(data, owner, first)
    assert written.startswith(data)
    assert write_block(written, owner, first) == written
    renewed = write_block(written, owner, second)
    assert renewed == write_block(data, owner, second)
    found = find_block(renewed, owner)
    assert found is not None and (found.content, found.is_intact, found.is_new_file) == (second, True, False)
    assert remove_block(renewed, owner) == data


@given(FILES.filter(is_text), FILES.filter(is_text), CONTENTS, CONTENTS)
def test_what_people_write_around_a_block_stays(before: bytes, after: bytes, first: str, second: str) -> None:
    written = write_block(before.rstrip(b"\r\n") + b"\n", OWNER, first) + after.lstrip(b"\r\n")
    found, renewed = find_block(written, OWNER), write_block(written, OWNER, second)
    changed = find_block(renewed, OWNER)
    assert found is not None and changed is not None and changed.content == second
    assert (renewed[: changed.start], renewed[changed.stop :]) == (written[: found.start], written[found.stop :])
    removed = remove_block(renewed, OWNER)
    assert removed == before.rstrip(b"\r\n") + b"\n" + after.lstrip(b"\r\n")


@given(CONTENTS, st.sampled_from(["", "---\nname: x\n---\n"]))
def test_a_file_that_was_made_for_a_block_goes_with_it_unless_somebody_wrote_more(content: str, head: str) -> None:
    made = write_block(None, OWNER, content, head=head)
    assert made.startswith(head.encode()) and write_block(made, OWNER, content, head=head) == made
    assert remove_block(made, OWNER, head=head) is None
    assert remove_block(made + b"mine", OWNER, head=head) == head.encode() + b"mine"


def test_line_ends_are_those_of_the_file_and_do_not_make_a_block_another() -> None:
    written = write_block(b"# Rules\r\n", OWNER, "- a\n- b")
    assert written.count(b"\r\n") == written.count(b"\n") == 5
    converted = written.replace(b"\r\n", b"\n")
    assert write_block(converted, OWNER, "- a\n- b") == converted


def test_what_was_changed_by_hand_inside_is_told_and_set_right() -> None:
    written = write_block(b"", OWNER, "- a")
    found = find_block(written.replace(b"- a", b"- never"), OWNER)
    assert found is not None and (found.content, found.is_intact) == ("- never", False)
    assert write_block(written.replace(b"- a", b"- never"), OWNER, "- a") == written


def test_blocks_of_several_stores_stand_side_by_side() -> None:
    both = write_block(write_block(b"x\n", "one", "- a"), "two", "- b")
    assert remove_block(both, "one") == write_block(b"x\n", "two", "- b")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'a\n<!-- reverie:end store="support" -->\n', "the marks of 'support' .lines 2. are no pair"),
        (write_block(b"", OWNER, "- a") * 2, "the marks of 'support' .lines 1, 4, 3, 6. are no pair"),
        (b"\xff\xfea\0", "save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_understood_is_left_alone(data: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        write_block(data, OWNER, "- a")
    with pytest.raises(InputError, match=told):
        remove_block(data, OWNER)
