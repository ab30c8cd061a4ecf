"""Extension points: what other packages may add, each by an entry point of its distribution (docs/extensions.md).

Nothing of an extension is loaded before its name is asked for, so a broken one fails where it is used and nowhere else.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Any, Generic, TypeVar

import msgspec

from reverie.errors import ExtensionError, ReverieError

IMPORTERS = "reverie.importers"
GRADERS = "reverie.graders"
EMBEDDERS = "reverie.embedders"
MODELS = "reverie.models"

GROUPS: Mapping[str, str] = {
    IMPORTERS: "a reverie.sessions.importers.Importer of the entry point's name: one format of session files",
    GRADERS: "a reverie.outcomes.grader.Grader: a callable that grades one session",
    EMBEDDERS: "a callable without arguments that gives a reverie.digests.vector.TextEmbedder",
    MODELS: "a callable from reverie.settings.ModelSettings to an async context manager of a LanguageModel",
}
"""Every group of entry points, and what an entry point in it has to be."""

Kind = TypeVar("Kind")

_MALFORMED = (ValueError, TypeError)
"""What the standard library raises of an ``entry_points.txt`` that is none, or not UTF-8."""


class ExtensionPoint(msgspec.Struct, Generic[Kind], frozen=True):
    """A place where things are chosen by name: our own, and those of other distributions."""

    group: str
    """One of :data:`GROUPS`."""
    ours: Mapping[str, Kind]
    accept: Callable[["Extension", Any], Kind]
    """What an entry point refers to, checked and made fit for use; raises ``ExtensionError`` by :func:`refusal`."""


class Extension(msgspec.Struct, frozen=True):
    """One entry point that an installed distribution has in one of the groups."""

    group: str
    name: str
    target: str
    """Where it is, as ``module:attribute``."""
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.name!r} ({self.group}, {self.target}) of {self.distribution} {self.version}"


@cache
def installed(group: str) -> tuple[Extension, ...]:
    """The entry points of ``group`` in this process's path, by name; looked for once."""
    found = (_extension(point) for point in _entry_points(group)[0])
    return tuple(sorted(found, key=lambda one: (one.name, one.distribution)))


def unreadable() -> tuple[str, ...]:
    """Distributions whose list of entry points is malformed, each with what to do."""
    return _entry_points(IMPORTERS)[1]  # which group is asked for makes no difference


def names(point: ExtensionPoint[Any]) -> tuple[str, ...]:
    """All that may be chosen by name, sorted; a broken extension is among them, and says so when it is used."""
    return tuple(sorted({*point.ours, *(one.name for one in installed(point.group))}))


def load(point: ExtensionPoint[Kind], name: str) -> Kind | None:
    """Ours or another's thing of that name; None when there is none.

    Raises:
        ExtensionError: an extension of that name is broken, or more than one has it.
    """
    if name in point.ours:
        return point.ours[name]
    namesakes = [one for one in installed(point.group) if one.name == name]
    return load_extension(point, namesakes[0]) if namesakes else None


def load_extension(point: ExtensionPoint[Kind], extension: Extension) -> Kind:
    """What ``extension`` adds to ``point``.

    Raises:
        ExtensionError: it is broken, or shares its name.
    """
    if extension.name in point.ours:
        raise refusal(extension, "has a name that is Reverie's own", "rename the entry point, or uninstall it")
    others = [one for one in installed(point.group) if one.name == extension.name and one != extension]
    if others:
        raise refusal(extension, f"has the same name as one of {others[0].distribution}", "uninstall one of the two")
    return point.accept(extension, _target(extension))


def refusal(extension: Extension, fault: str, remedy: str) -> ExtensionError:
    """The error that names the distribution, the entry point, what is wrong and what to do."""
    return ExtensionError(f"the extension {extension} {fault}; {remedy}")


def guarded(extension: Extension, function: Callable[..., Kind]) -> Callable[..., Kind]:
    """``function`` of an extension; any exception that is none of ours becomes an ``ExtensionError``."""
    return partial(called, extension, function)


def called(extension: Extension, function: Callable[..., Kind], *given: Any, **named: Any) -> Kind:
    """What ``function`` of the extension gives.

    Raises:
        ExtensionError: it failed in a way it does not promise.
        ReverieError: whatever it raises on purpose.
    """
    try:
        return function(*given, **named)
    except ReverieError:
        raise
    except Exception as error:  # Anything may be wrong with code of others.
        raise refusal(extension, f"failed: {_told(error)}", "report it to its makers") from error


@cache
def _outcome(extension: Extension) -> tuple[Any, BaseException | None]:
    """What the entry point refers to, or why it cannot be had: a module that fails is not run again and again."""
    try:
        return EntryPoint(extension.name, extension.target, extension.group).load(), None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module of others may raise anything, or end the program
        return None, error


@cache
def _entry_points(group: str) -> tuple[tuple[EntryPoint, ...], tuple[str, ...]]:
    """The entry points of ``group``, and what is told of distributions whose entry points cannot be read."""
    try:
        return tuple(entry_points(group=group)), ()
    except _MALFORMED:
        return _entry_points_one_by_one(group)


def _entry_points_one_by_one(group: str) -> tuple[tuple[EntryPoint, ...], tuple[str, ...]]:
    """As above, slower: one malformed list costs its own distribution alone."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    faults = []
    for distribution in distributions():
        name = distribution.name or "an unnamed distribution"
        if name in found:  # another of that name comes first in the path
            continue
        try:
            found[name] = tuple(point for point in distribution.entry_points if point.group == group)
        except _MALFORMED as error:
            found[name] = ()
            faults.append(f"the entry points of {name} cannot be read: {_told(error)}; reinstall or uninstall it")
    return tuple(point for points in found.values() for point in points), tuple(faults)


def _target(extension: Extension) -> Any:
    target, error = _outcome(extension)
    if error is not None:
        raise refusal(
            extension, f"cannot be loaded: {_told(error)}", f"upgrade, reinstall or uninstall {extension.distribution}"
        ) from error
    return target


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _extension(point: EntryPoint) -> Extension:
    distribution, version = (point.dist.name, point.dist.version) if point.dist else (None, None)
    return Extension(point.group, point.name, point.value, distribution or "an unnamed distribution", version or "?")


class Survey(msgspec.Struct, frozen=True):
    """One thing that may be chosen by name, and whether it can be."""

    group: str
    name: str
    distribution: str
    version: str
    target: str | None = None
    """Where an extension is, as ``module:attribute``; None for our own."""
    error: str | None = None
    """Why it cannot be used, and what to do."""


def survey(point: ExtensionPoint[Any], version: str) -> tuple[Survey, ...]:
    """Ours, as of Reverie's ``version``, and all that is installed in the group, loaded to see whether it works."""
    ours = [Survey(point.group, name, "reverie", version) for name in sorted(point.ours)]
    return (*ours, *(_surveyed(point, extension) for extension in installed(point.group)))


def _surveyed(point: ExtensionPoint[Any], extension: Extension) -> Survey:
    error = None
    try:
        load_extension(point, extension)
    except ExtensionError as failure:
        error = str(failure)
    return Survey(extension.group, extension.name, extension.distribution, extension.version, extension.target, error)
