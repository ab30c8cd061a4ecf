from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.runtime.mcp_content import MOST_CHARACTERS, remote_tool, result_blocks

PNG = {"type": "base64", "media_type": "image/png", "data": "AA=="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "text", "text": "a"}, {"type": "text", "text": "a"}),
        ({"type": "image", "data": "AA==", "mimeType": "image/png"}, {"type": "image", "source": PNG}),
        (
            {"type": "image", "data": "AA==", "mimeType": "image/tiff"},
            {"type": "text", "text": "[image: image/tiff that cannot be shown]"},
        ),
        (
            {"type": "audio", "data": "AA==", "mimeType": "audio/wav"},
            {"type": "text", "text": "[audio that cannot be shown]"},
        ),
        ({"type": "resource", "resource": {"uri": "x:1", "text": "b"}}, {"type": "text", "text": "b"}),
        (
            {"type": "resource", "resource": {"uri": "x:1", "blob": "AA==", "mimeType": "application/pdf"}},
            {"type": "document", "source": PDF},
        ),
        (
            {"type": "resource", "resource": {"uri": "x:1", "blob": "AA=="}},
            {"type": "text", "text": "[x:1: bytes that cannot be shown]"},
        ),
        ({"type": "resource_link", "uri": "x:1", "name": "One"}, {"type": "text", "text": "One: x:1"}),
    ],
)
def test_every_kind_of_content_is_a_block_of_the_wire(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert result_blocks([part]) == (block,)


def test_a_result_without_content_is_its_structure_or_says_so() -> None:
    assert result_blocks([], {"sum": 3})[0]["text"] == '{"sum": 3}'
    assert result_blocks([])[0]["text"] == "The tool returned nothing."
    assert result_blocks([{"type": "text", "text": " "}])[0]["text"] == "The tool returned nothing."


@given(st.lists(st.integers(0, MOST_CHARACTERS), max_size=5))
def test_text_of_a_result_is_bounded_and_what_is_cut_off_is_said(lengths: list[int]) -> None:
    blocks = result_blocks([{"type": "text", "text": "x" * length} for length in lengths])
    shown = sum(block["text"].count("x") for block in blocks if block["text"].startswith("x"))
    assert shown <= MOST_CHARACTERS + 1  # the note's own
    assert ("cut off" in blocks[-1]["text"]) == (sum(lengths) > MOST_CHARACTERS)


def test_a_tool_without_hints_is_taken_to_change_things() -> None:
    plain = remote_tool({"name": "pay", "inputSchema": {"type": "object"}})
    hinted = remote_tool({"name": "look", "annotations": {"readOnlyHint": True, "idempotentHint": True}})
    assert (plain.read_only, plain.keyed, plain.description) == (False, False, "")
    assert (hinted.read_only, hinted.keyed, hinted.input_schema) == (True, True, {"type": "object"})
