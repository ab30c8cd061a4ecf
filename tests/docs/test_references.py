"""What the pages name is there: commands and options, files, targets of make, links and their anchors."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from tests.docs.blocks import PAGES, ROOT
from tests.docs.cli_page import commands

ALL_PAGES = [*PAGES, *(path for path in sorted(ROOT.glob("*.md")) if path not in PAGES)]
HISTORY = ROOT / "CHANGELOG.md"
"""Names what there was once."""
COMMANDS = dict(commands())
_FILE = re.compile(r"\A(?:src|tests|docs|design|examples|benchmarks|evaluation)/[\w./-]*\Z")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def spans(page: Path) -> Iterator[str]:
    """What stands in backticks in running text and tables."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def links(page: Path) -> Iterator[str]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str) and "://" not in target:
                yield target


def unknown_in_command(text: str) -> str | None:
    """The first word of a ``reverie …`` that is no command or option; None when all are known."""
    words = shlex.split(text.replace("…", " ").replace("'", "").replace('"', ""))
    path, rest = words[0], words[1:]
    while rest and isinstance(COMMANDS[path], click.Group) and not rest[0].startswith("-"):
        # list|show: both are commands of the group
        names = rest.pop(0).split("|")
        for name in filter(None, names):
            if f"{path} {name}" not in COMMANDS:
                return None if name.isupper() else name
        path = f"{path} {names[0]}"
    options = {name for option in COMMANDS[path].params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(rest))
    return next((option for option in named if option not in options), None)


@pytest.mark.parametrize("page", [page for page in ALL_PAGES if page != HISTORY], ids=lambda page: page.name)
def test_commands_files_and_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for span in spans(page):
        if span.startswith("reverie ") and (word := unknown_in_command(span)):
            wrong.append(f"{span}: {word}")
        if span.startswith("make ") and not set(span.split()[1:]) <= targets:
            wrong.append(span)
        if _FILE.match(span) and not (ROOT / span).exists():
            wrong.append(span)
    assert wrong == []


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("reverie memory list|show", None),
        ("reverie dream --report report.html", None),
        ("reverie memory diff [STORE] FROM [TO]", None),
        ("reverie COMMAND --help", None),
        ("reverie dreams", "dreams"),
        ("reverie dream --wher x", "--wher"),
        ("reverie memory list|shows", "shows"),
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str, wrong: str | None) -> None:
    assert unknown_in_command(text) == wrong
