"""A tutor: exercises with pupils, scored by whether the pupil could do the next one alone."""

from pathlib import Path

from reverie.testing.worlds import tutor_world, write_world

SEED, SESSIONS, TASKS = 5, 2_400, 80
IMPORT = (["import", "lessons.jsonl.gz"],)


def make(folder: Path) -> None:
    """Write ``lessons.jsonl.gz``: chat lines with a reward of 1 where the pupil could do the next exercise alone."""
    write_world(tutor_world(SEED, SESSIONS, TASKS), folder / "lessons.jsonl.gz")
