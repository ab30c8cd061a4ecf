import hashlib

import pytest

from reverie.errors import InputError
from reverie.memory.content import content_sha256, decode_content, encode_content


def test_content_is_hashed_as_its_exact_bytes() -> None:
    content = "e\u0301 is not normalised\r\n"
    assert content_sha256(encode_content(content)) == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize("content", ["", "é" * 51_200])
def test_content_up_to_the_limit_is_accepted(content: str) -> None:
    assert decode_content(encode_content(content)) == content


@pytest.mark.parametrize(
    ("content", "reason"), [("a" * 102_401, "102,400"), ("a\0b", "NUL"), ("ab\ud800", "character 3")]
)
def test_text_that_cannot_be_a_memory_is_refused(content: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        encode_content(content)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"a" * 102_401, "102,400"), (b"a\0b", "NUL"), (b"ab\xff", "byte 3 is not UTF-8")]
)
def test_bytes_that_cannot_be_a_memory_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        decode_content(data)
