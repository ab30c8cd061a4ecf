"""Which graders an agent's sessions are scored by, from one line of its metadata."""

import re

import msgspec

from reverie.errors import InputError

KEY = "reverie_graders"
"""Metadata of an agent: ``[METRIC=]GRADER[:ARGUMENT]``, several after semicolons.

Such as ``helpful; brief=formula:1 if turns < 10 else 0``. The argument is the formula of ``formula``, and the
``rubric`` of any other grader; the metric has the grader's name by default.
"""
_ENTRY = re.compile(
    r"(?:(?P<metric>[A-Za-z_][\w.-]*)\s*=\s*)?(?P<grader>[A-Za-z_][\w./-]*)(?::(?P<argument>.*))?", re.DOTALL
)


class GraderChoice(msgspec.Struct, frozen=True):
    """A grader, what it is to go by, and the metric that its score is."""

    grader: str
    metric: str
    params: dict[str, str] = {}


def read_choices(line: str) -> tuple[GraderChoice, ...]:
    """The graders that a line names.

    Raises:
        InputError: an entry cannot be read.
    """
    return tuple(_choice(entry.strip()) for entry in line.split(";") if entry.strip())


def _choice(entry: str) -> GraderChoice:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise InputError(f"metadata.{KEY}: {entry!r} is not [METRIC=]GRADER[:ARGUMENT]")
    grader, argument = found["grader"], found["argument"]
    params = {} if argument is None else {"formula" if grader == "formula" else "rubric": argument.strip()}
    return GraderChoice(grader, found["metric"] or grader, params)
