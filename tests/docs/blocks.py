"""The code blocks of a page, and what the comment above each says of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_MARK = re.compile(r"\A<!--\s*(file|output|not run)(?::\s*(.+?))?\s*-->\s*\Z", re.DOTALL)


class Block(msgspec.Struct, frozen=True):
    """One block of code."""

    page: Path
    line: int
    """Where its text begins, from 1."""
    language: str
    """The first word behind the fence; empty when the block only is indented."""
    text: str
    mark: str = ""
    """``file``: it is the content of a file; ``output``: what the block before prints; ``not run``."""
    said: str = ""
    """What stands behind the mark: a file's name, a reason."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page.name}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return list(_blocks(page, tokens))


def _blocks(page: Path, tokens: list[Token]) -> Iterator[Block]:
    for position, token in enumerate(tokens):
        if token.type in ("fence", "code_block") and token.map is not None:
            mark, said = _mark_above(tokens, position)
            language = token.info.split()[0] if token.info.split() else ""
            first = token.map[0] + (2 if token.type == "fence" else 1)
            yield Block(page, first, language, token.content, mark, said)


def _mark_above(tokens: list[Token], position: int) -> tuple[str, str]:
    above = tokens[position - 1] if position else None
    found = _MARK.match(above.content.strip()) if above is not None and above.type == "html_block" else None
    return (found[1], " ".join((found[2] or "").split())) if found else ("", "")
