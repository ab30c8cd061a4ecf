"""What is installed, and what users are told to install."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
_HINT = re.compile(r"reverie\[([^\]]*)\]")


def hints() -> Iterator[tuple[str, str]]:
    """Every ``reverie[…]`` in the source and the pages, with its file."""
    pages = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    for path in pages:
        for extras in _HINT.findall(path.read_text(encoding="utf-8")):
            yield from ((str(path.relative_to(ROOT)), extra.strip()) for extra in extras.split(","))


def test_every_extra_that_somebody_is_told_to_install_exists() -> None:
    named = list(hints())
    assert {"openai", "telemetry", "vectors"} <= {extra for _, extra in named}
    assert [(path, extra) for path, extra in named if extra not in EXTRAS] == []
