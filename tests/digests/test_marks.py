import re
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from reverie.digests.digest import Marks
from reverie.digests.marks import pack_marks, packed_words, places, read_marks, unpack_marks
from reverie.sessions.event import Event, text_content

TEXTS = st.lists(st.text(max_size=30), max_size=150)


def talk(texts: list[str]) -> list[Event]:
    return [Event("agent.message", {"content": text_content(text)}) for text in texts]


@given(TEXTS)
def test_marks_are_read_as_they_were_packed(texts: list[str]) -> None:
    marks = read_marks(talk(texts))
    packed = pack_marks(marks)
    assert unpack_marks(packed) == marks
    assert len(packed_words(packed)) == 4 * (len(marks.numbers) + len(marks.words))
    assert len(marks.chain) == len(places(marks))


@given(TEXTS, TEXTS)
def test_a_session_that_goes_on_keeps_the_hashes_of_its_history(texts: list[str], more: list[str]) -> None:
    short, long = read_marks(talk(texts)), read_marks(talk([*texts, *more]))
    history = dict(zip(places(long), long.chain, strict=True))
    shared = [
        history[place] == hashed for place, hashed in zip(places(short), short.chain, strict=True) if place in history
    ]
    assert all(shared)


def test_white_space_ids_and_times_make_no_difference_and_words_do() -> None:
    plain = [Event("agent.tool_use", {"name": "look", "input": {"id": 1}, "tool_call_id": "a"}), *talk(["it is  done"])]
    other = [Event("agent.tool_use", {"name": "look", "input": {"id": 1}, "tool_call_id": "b"}), *talk(["it is\ndone"])]
    assert read_marks(plain) == read_marks(other)
    assert read_marks(talk(["it is done"])) != read_marks(talk(["it is gone"]))


def test_marks_stay_small_however_long_a_session_is() -> None:
    assert len(pack_marks(read_marks(talk([f"step {i} of many" for i in range(5_000)])))) < 2_000
    assert unpack_marks(None) == Marks()


@given(st.lists(st.text("aZ9_- .éİΣ٣\n\udc80", max_size=20) | st.integers(60, 140).map(lambda size: "Ab" * size)))
def test_tokens_are_the_same_whether_texts_are_ascii_or_not(texts: list[str]) -> None:
    found = {token for text in texts for token in re.findall(r"[\w\-]{4,64}", " ".join(text.split()).lower())}
    numbers = {token for token in found if len(re.findall(r"\d", token)) >= 4}
    marks = read_marks(talk(texts))
    for tokens, hashes in ((numbers, marks.numbers), (found - numbers, marks.words)):
        assert hashes == tuple(sorted({crc32(each.encode("utf-8", "surrogatepass")) for each in tokens})[:16])
