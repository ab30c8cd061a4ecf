"""What is installed, and what users are told to install."""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
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


def locked(name: str) -> list[str]:
    """The distributions that a lock names, for this platform or others."""
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


def licence(name: str) -> str:
    """What a distribution says of its licence: expression, classifiers, or the first line of the text."""
    said = metadata.metadata(name)
    classifiers = [text for text in said.get_all("Classifier") or () if text.startswith("License ::")]
    expression, text = ((said.get_all(field) or [""])[0] for field in ("License-Expression", "License"))
    return expression or "; ".join(classifiers) or text.partition("\n")[0]


def test_no_runtime_dependency_has_a_copyleft_beyond_the_lgpl() -> None:
    strong = re.compile(r"(?<!Lesser )General Public License|(?<!L)GPL|Affero|EUPL|SSPL", re.IGNORECASE)
    said = {name: licence(name) for name in locked("requirements.lock")}
    assert {name: text for name, text in said.items() if strong.search(text)} == {}


def test_the_runtime_lock_holds_no_tool_of_developers_and_the_other_holds_all_of_it() -> None:
    runtime, developers = set(locked("requirements.lock")), set(locked("requirements-dev.lock"))
    assert runtime.isdisjoint({"pytest", "mypy", "ruff", "hypothesis", "pip-tools"})
    assert runtime < developers
