"""How long tests wait for what will surely come: one setting, generous, since only a failure is kept waiting."""

import os
from collections.abc import Mapping

from reverie.errors import SettingsError

VARIABLE = "REVERIE_TEST_PATIENCE"
_GENEROUS_SECONDS = 300.0
"""Enough for a machine twenty times slower than one at which every wait ends within 15 s."""


def read_patience(environment: Mapping[str, str]) -> float:
    """Seconds that any one wait of a test may last.

    Raises:
        SettingsError: the variable holds something other than a number above 0.
    """
    text = environment.get(VARIABLE) or str(_GENEROUS_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SettingsError(f"{VARIABLE}={text!r} is not a number of seconds above 0")
    return seconds


PATIENCE_SECONDS = read_patience(os.environ)
"""What every time limit of the tests is, unless the limit itself is tested."""
