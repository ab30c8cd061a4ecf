"""Many expressions asked as one answer as each would alone."""

import re
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.digests.derived.alternatives import Numbered, alternatives, without_lookarounds

_FOLDER = resources.files("reverie.digests.derived")
_COMMANDS = [rule["command"] for rule in tomllib.loads(_FOLDER.joinpath("checks.toml").read_text("utf-8"))["rules"]]
_PATTERNS = [r"\bno\b(?! way)", r"^stop\b", r"\d+ (?:left|go)\s*$", r"(?<!not )\bworking\b", r"a[)(?!]b", r"\w+é"]
_PIECES = ("no", " way", "stop", "12 left", "not ", "working", "a)b", "a!b", "é", "\n", "\x1c", " ", "ſ", "٣ go", "_")
texts = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@given(texts, st.lists(st.sampled_from(_PATTERNS), max_size=4))
def test_alternatives_hold_where_one_of_the_expressions_does(text: str, patterns: list[str]) -> None:
    assert alternatives(patterns).holds(text) == any(re.search(pattern, text) for pattern in patterns)


@given(texts.map(str.upper), st.lists(st.sampled_from(_PATTERNS), max_size=4))
def test_alternatives_hold_in_capitals_where_case_is_ignored(text: str, patterns: list[str]) -> None:
    expected = any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    assert alternatives(patterns, ignore_case=True).holds(text) == expected


@given(texts)
def test_numbered_expressions_are_each_found(text: str) -> None:
    expected = tuple(place for place, pattern in enumerate(_PATTERNS) if re.search(pattern, text))
    assert Numbered(_PATTERNS).held(text) == expected


@pytest.mark.parametrize("command", ["make all", "make test", "npm run lint && pytest -q", "cargo +nightly test", "ls"])
def test_the_rules_about_a_command_are_those_whose_own_expression_matches(command: str) -> None:
    expected = tuple(place for place, pattern in enumerate(_COMMANDS) if re.search(pattern, command))
    assert Numbered(_COMMANDS).held(command) == expected


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        (r"a(?! (?:b|c)\))d", "ad"),
        (r"(?<!n't )x[(?!]y", "x[(?!]y"),
        (r"\(?!x", r"\(?!x"),
        (r"(?:a|b)(?=[)])c", "(?:a|b)c"),
        (r"[]()]e(?<=f)", "[]()]e"),
    ],
)
def test_lookarounds_are_left_out_and_nothing_else(pattern: str, left: str) -> None:
    assert without_lookarounds(pattern) == left
