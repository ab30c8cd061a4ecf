"""Files in which agents of other makers look for advice."""

from pathlib import PurePath
from typing import Literal

import msgspec
import yaml

from reverie.display_name import shown_name
from reverie.errors import InputError

DestinationName = Literal["claude-md", "agents-md", "cursor", "copilot", "skill"]
_FILES: dict[DestinationName, str] = {
    "claude-md": "CLAUDE.md",
    "agents-md": "AGENTS.md",
    "cursor": ".cursor/rules/reverie.mdc",
    "copilot": ".github/copilot-instructions.md",
    "skill": "SKILL.md",
}
_LONGEST_SLUG = 64


class Destination(msgspec.Struct, frozen=True):
    """One such file."""

    path: PurePath
    head: str
    """What the file begins with where it is made: front matter of those whose readers want it."""


def destination_of(name: DestinationName, place: PurePath, store: str, *, is_folder: bool) -> Destination:
    """The file for a store's lessons at ``place``: a file, or a folder (a skill's always is) for one of its usual name.

    Raises:
        InputError: a skill's folder has a name that no skill may have.
    """
    path = place / _FILES[name] if is_folder or name == "skill" else place
    described = f"Lessons from past sessions, kept by Reverie in the store {shown_name(store)}."
    if name == "cursor":
        return Destination(path, _front_matter({"description": described, "alwaysApply": True}))
    if name == "skill":
        told = f"{described} Read it before you begin a task, to do what helped before and to leave what did harm."
        return Destination(path, _front_matter({"name": _skill_name(place), "description": told}))
    return Destination(path, "")


def _skill_name(folder: PurePath) -> str:
    """A skill has the name of its folder (agentskills.io/specification)."""
    words = folder.name.split("-")
    if len(folder.name) > _LONGEST_SLUG or not all(
        word and word.isascii() and word.isalnum() and word == word.lower() for word in words
    ):
        raise InputError(
            f"--path {str(folder)!r}: a skill is a folder named by lower-case words joined by hyphens, of at most "
            f"{_LONGEST_SLUG} characters; name one such as .claude/skills/past-lessons"
        )
    return folder.name


def _front_matter(fields: dict[str, str | bool]) -> str:
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1_000_000)}---\n"
