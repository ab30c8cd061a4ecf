"""The site holds every page that users read."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docs.blocks import PAGES, ROOT
from tests.docs.site import fetched

FRONT = "README.md"


def listed(entries: list[Any]) -> Iterator[str]:
    """The pages that a menu names."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from [inner] if isinstance(inner, str) else listed(inner)


def test_the_menu_names_every_page_and_each_is_there() -> None:
    menu = list(listed(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))
    pages = {page.relative_to(ROOT).as_posix() for page in PAGES} - {FRONT}
    assert pages - set(menu) == set()
    assert [page for page in menu if page != "index.md" and not (ROOT / page).is_file()] == []
    assert len(menu) == len(set(menu))


def test_what_a_page_would_fetch_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text('<script src="a.js"></script><a href="https://example.org">there</a>')
    (tmp_path / "not.html").write_text('<link rel="stylesheet" href="https://example.org/a.css"><img src="//x/y.png">')
    assert [line.partition(":")[0] for line in fetched(tmp_path)] == ["not.html", "not.html"]
