"""Every grader by name: our own, and those of other packages."""

from reverie.errors import InputError
from reverie.extensions import GRADERS, ExtensionPoint, load, names
from reverie.outcomes.formula import grade_by_formula
from reverie.outcomes.grader import Grader, fitted

POINT: ExtensionPoint[Grader] = ExtensionPoint(GRADERS, {"formula": grade_by_formula}, fitted)


def read_graders() -> tuple[str, ...]:
    """The names of all graders; none is loaded for it."""
    return names(POINT)


def grader_named(name: str) -> Grader:
    """The grader of that name.

    Raises:
        InputError: there is none.
        ExtensionError: it is another package's, and broken.
    """
    grader = load(POINT, name)
    if grader is None:
        raise InputError(f"grader {name!r} is unknown; known are {', '.join(read_graders())}")
    return grader
