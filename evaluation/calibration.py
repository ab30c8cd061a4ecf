"""A pair of real runs, with lessons and without, whose difference must come out (Reflexion: Shinn et al. 2023).

In both arms a task that was solved is kept and never run again, so neither curve can fall: harm done to solved tasks is
invisible, and retrying alone raises the curve. Comparing an arm with its own beginning would credit lessons with the
retries. So the arms are compared with each other, task by task, after equally many attempts.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from evaluation.measures import PairedDifference, paired_difference

WITH_LESSONS, WITHOUT = "reflexion_run_logs", "base_run_logs"


class TrialRow(msgspec.Struct, frozen=True):
    """Both arms after one more attempt at every task not yet solved."""

    trial: int
    """From 0, which both arms ran alike, without lessons."""
    solved_with: int
    solved_without: int
    gain: PairedDifference


def compare_arms(folder: Path) -> list[TrialRow] | None:
    """The arms below ``folder`` after each trial both have; None where they are absent.

    Raises:
        OSError: a file cannot be read.
        msgspec.DecodeError: a file is not what is expected.
    """
    rows = []
    trial = 0
    while (lessons := _solved(folder / WITH_LESSONS, trial)) and (base := _solved(folder / WITHOUT, trial)):
        tasks = sorted(lessons.keys() & base.keys())
        gain = paired_difference([lessons[task] for task in tasks], [base[task] for task in tasks])
        rows.append(TrialRow(trial, gain.both + gain.only_first, gain.both + gain.only_second, gain))
        trial += 1
    return rows or None


def _solved(folder: Path, trial: int) -> Mapping[str, bool]:
    path = folder / f"env_results_trial_{trial}.json.gz"
    if not path.is_file():
        return {}
    rows = msgspec.json.decode(gzip.decompress(path.read_bytes()), type=list[dict[str, Any]])
    return {row["name"]: bool(row["is_success"]) for row in rows}
