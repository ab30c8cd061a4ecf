"""The result of tests, builds, linters and type checks, read off what they print by rules in ``checks.toml``."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

import msgspec

from reverie.digests.derived.alternatives import Alternatives, Numbered, alternatives
from reverie.digests.tool_name import words_of

CheckKind = Literal["tests", "build", "lint", "types"]

_MOST_READ = 12_000
"""Characters from the end of an output that are looked at."""
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?.*?(?:^\s*\1\s*$|\Z)", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"(?<!-c )(?<!-lc )(?:\"(?:[^\"\\]|\\.)*\"|'[^']*')")
_PART = re.compile(r"&&|\|\||;|\n")
_EXIT = re.compile(r"\b(?:exit(?:ed)?|return)[ _]?(?:with )?(?:code|status)?\s*[:=]?\s*(-?\d+)\b", re.IGNORECASE)
_NAMES: Mapping[str, CheckKind] = {
    **dict.fromkeys(("test", "tests", "pytest", "jest"), "tests"),
    **dict.fromkeys(("build", "compile"), "build"),
    **dict.fromkeys(("lint", "linter", "eslint"), "lint"),
    **dict.fromkeys(("typecheck", "mypy", "tsc"), "types"),
}
"""Words of the names of tools that check by themselves, such as ``run_tests``."""
_STARTS = frozenset({"run", "execute", "start", "check", "do", "mcp", "project", "code", "unit", "all"})


class CheckResult(msgspec.Struct, frozen=True):
    """What a check came to."""

    kind: CheckKind
    passed: bool
    line: str
    """The line that says so; empty where the exit status did."""


class _Rule(msgspec.Struct, frozen=True):
    kind: CheckKind
    passed: re.Pattern[str]
    failed: re.Pattern[str]
    silent: bool
    telling: bool


class _Rules(msgspec.Struct, frozen=True):
    reading: re.Pattern[str]
    runner: Alternatives
    commands: Numbered
    """What the commands of the rules match, in the order of the rules."""
    rules: tuple[_Rule, ...]
    named: Mapping[str, Alternatives]
    """Patterns about commands, results and paths by their name in the file."""
    pull_request_tools: frozenset[str]
    denial_words: tuple[re.Pattern[str], ...]


def check_result(command: str, output: str, status: int | None) -> CheckResult | None:
    """What the check that a shell command runs came to; None where it runs none or nothing tells.

    Args:
        command: the command as it was given; parts that only show text do not count.
        output: what it printed.
        status: its exit status, where the source says it; an output that passes outright is believed over it only
            where a pipe may have swallowed it.
    """
    text = _COLOUR.sub("", output)[-_MOST_READ:]
    parts = command_parts(command)
    first: dict[int, str] = {}
    for part in parts:
        for place in _applying(part):
            first.setdefault(place, part)
    for place in sorted(first):
        found = _judged(_rules().rules[place], text, status, piped="|" in first[place])
        if found is not None:
            return found
    if any(_rules().runner.holds(part) for part in parts):
        return next((found for rule in _rules().rules if rule.telling and (found := _printed(rule, text))), None)
    return None


def check_by_name(tool: str, output: str, *, failed: bool) -> CheckResult | None:
    """What a tool that checks by its name (``run_tests``, ``lint``) came to; None for any other tool."""
    words = words_of(tool)
    kinds = [_NAMES[word] for word in sorted(words) if word in _NAMES]
    if not kinds or not words <= _STARTS | _NAMES.keys():
        return None
    text = _COLOUR.sub("", output)[-_MOST_READ:]
    told = (_printed(rule, text) for rule in _rules().rules if rule.kind == kinds[0])
    return next((found for found in told if found), CheckResult(kinds[0], not failed, ""))


def exit_status(output: str) -> int | None:
    """The exit status that an output names in its first or last line; None where it names none."""
    lines = output.strip().splitlines()
    for line in [*lines[:1], *lines[-1:]]:
        found = _EXIT.search(line[:200])
        if found:
            return int(found[1])
    return None


def command_parts(command: str) -> list[str]:
    """The parts of a command that do something, without what they quote; what only shows text is left out."""
    bare = _QUOTED.sub("''", _HEREDOC.sub(" ", command))
    return [part.strip() for part in _PART.split(bare) if part.strip() and not _rules().reading.match(part)]


def shows(name: str, text: str) -> bool:
    """Whether a command, a result or a path is what the file's pattern ``name`` says."""
    return _rules().named[name].holds(text)


def opens_pull_request(tool: str) -> bool:
    """Whether a tool opens a pull request by itself, whatever server it is on."""
    lowered = tool.lower()
    return any(lowered.endswith(name) for name in _rules().pull_request_tools)


def users_words(denial: str) -> str:
    """What the user said in a result that tells of a call turned down; empty where the user said nothing."""
    found = (pattern.search(denial) for pattern in _rules().denial_words)
    return next((match["words"].strip() for match in found if match), "")


@lru_cache(maxsize=4096)
def _applying(part: str) -> tuple[int, ...]:
    """The places of the rules that are about a part of a command."""
    return _rules().commands.held(part)


def _judged(rule: _Rule, text: str, status: int | None, *, piped: bool) -> CheckResult | None:
    found = _printed(rule, text)
    if found is not None:
        return found
    if status is not None and not piped:
        return CheckResult(rule.kind, status == 0, "")
    quiet = rule.silent and not text.strip() and not piped
    return CheckResult(rule.kind, passed=True, line="") if quiet else None


def _printed(rule: _Rule, text: str) -> CheckResult | None:
    for pattern, passed in ((rule.failed, False), (rule.passed, True)):
        match = pattern.search(text)
        if match:
            return CheckResult(rule.kind, passed, match.group().strip())
    return None


@cache
def _rules() -> _Rules:
    """The rules, read once a process."""
    told = tomllib.loads(resources.files(__package__).joinpath("checks.toml").read_text(encoding="utf-8"))
    names = ("commit", "push", "pull_request", "revert", "test_file", "documentation", "configuration")
    named = {name: alternatives([told[name]]) for name in names}
    named["denied"] = alternatives(told["denied"], ignore_case=True)
    return _Rules(
        reading=re.compile(told["reading"]),
        runner=alternatives([told["runner"]]),
        commands=Numbered([rule["command"] for rule in told["rules"]]),
        rules=tuple(_read_rules(told["rules"])),
        named=named,
        pull_request_tools=frozenset(told["pull_request_tools"]),
        denial_words=tuple(re.compile(pattern, re.IGNORECASE) for pattern in told["denial_words"]),
    )


def _read_rules(rules: list[dict[str, Any]]) -> Iterator[_Rule]:
    for rule in rules:
        yield _Rule(
            kind=rule["kind"],
            passed=re.compile("|".join(rule["passed"]) or r"(?!)", re.MULTILINE),
            failed=re.compile("|".join(rule["failed"]) or r"(?!)", re.MULTILINE),
            silent=rule.get("silent", False),
            telling=rule.get("telling", False),
        )
