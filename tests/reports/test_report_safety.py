"""Transcripts and everything mined from them are hostile text; the page must only ever show it."""

import typing
from html.parser import HTMLParser
from typing import Any

import msgspec

from reverie.dreams.dream import DreamResult
from reverie.reports.html import render_report
from reverie.sessions.session import Transcript
from tests.reports.dream_samples import NOON, support_desk

ATTACKS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></svg></textarea><iframe src=//evil.example>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "`<b onclick=alert(1)>`",
    "{{ 7 * 7 }}{% raw %}",
    "--><!-- ]]>",
    "style=\"font-family: x; fill: #040404\"",
]  # fmt: skip
ODDITIES = ["$\\frac{1}{0}$", "\x00\x1b[31m", "漢字🌙", "\u202eright to left", "x" * 3000]


class _Shape(HTMLParser):
    """Which elements and attributes a page has, whatever it says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "xlink:href", "src")}


def _poisoned(value: Any, attack: str) -> Any:
    """``value`` with ``attack`` at the end of every free text in it; words of a fixed vocabulary stay."""
    if isinstance(value, str):
        return value + attack
    if isinstance(value, msgspec.Struct):
        changes = {
            field.name: _poisoned(getattr(value, field.name), attack)
            for field in msgspec.structs.fields(value)
            if typing.get_origin(field.type) is not typing.Literal
        }
        return msgspec.structs.replace(value, **changes)
    if isinstance(value, dict):
        return {key: _poisoned(item, attack) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_poisoned(item, attack) for item in value)
    return value


def _poisoned_desk(attack: str) -> tuple[DreamResult, dict[str, Transcript]]:
    result, transcripts = support_desk()
    poisoned = {name + attack: _poisoned_events(transcript, attack) for name, transcript in transcripts.items()}
    noted = msgspec.structs.replace(result, notes=("A note.",), usage={"by": "model"})
    return _poisoned(noted, attack), poisoned


def _poisoned_events(transcript: Transcript, attack: str) -> Transcript:
    poisoned: Transcript = _poisoned(transcript, attack)
    events = []
    for event, original in zip(poisoned.events, transcript.events, strict=True):
        content = event.payload.get("content", [])
        blocks = [{**block, "type": "text"} for block in content]
        payload = {**event.payload, "content": blocks}
        events.append(msgspec.structs.replace(event, type=original.type, payload=payload))
    return msgspec.structs.replace(poisoned, events=tuple(events))


def test_no_text_anywhere_becomes_markup() -> None:
    clean = _Shape(render_report(*_poisoned_desk(""), generated_at=NOON))
    attacked = _Shape(render_report(*_poisoned_desk(" ".join(ATTACKS)), generated_at=NOON))
    assert attacked.elements <= clean.elements | {"code"}
    assert attacked.attributes == clean.attributes
    assert all(link.startswith("#") for link in attacked.links)


def test_odd_text_neither_breaks_the_page_nor_its_encoding() -> None:
    page = render_report(*_poisoned_desk(" ".join(ODDITIES)), generated_at=NOON)
    page.encode("utf-8")
    assert "\x00" not in page
    assert page.rstrip().endswith("</html>")


def test_the_page_needs_nothing_from_outside_and_forbids_it() -> None:
    page = render_report(*support_desk(), generated_at=NOON)
    shape = _Shape(page)
    assert not shape.elements & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "url(http" not in page
