"""A planted world through the front door: the command line, an embedded database, a stored dream."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from reverie.dreams.dream import DreamResult
from reverie.testing.worlds.score import WorldScore, score_lessons
from reverie.testing.worlds.world import World, write_world


class RealRun(msgspec.Struct, frozen=True):
    """One world, imported and dreamt over by commands."""

    world: str
    sessions: int
    import_seconds: float
    dream_seconds: float
    """Of the whole command, start of the program and database included."""
    stages: dict[str, float]
    """Seconds by stage, as the dream itself counted them."""
    score: WorldScore
    placebo_lessons: int
    placebo_runs: int


def run_commands(world: World, home: Path) -> RealRun:
    """``reverie import`` and ``reverie dream`` on the world, with everything they keep below ``home``.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    path = home / "world.jsonl.gz"
    sessions = write_world(world, path)
    import_seconds, _ = _command(home, "import", str(path), "--json")
    dream_seconds, said = _command(home, "dream", "--json")
    result = msgspec.json.decode(said, type=DreamResult)
    return RealRun(
        world=world.name,
        sessions=sessions,
        import_seconds=import_seconds,
        dream_seconds=dream_seconds,
        stages={stage.stage: stage.seconds for stage in result.stages},
        score=score_lessons(world.truths, result.lessons),
        placebo_lessons=result.placebo.lessons,
        placebo_runs=result.placebo.runs,
    )


def _command(home: Path, *arguments: str) -> tuple[float, bytes]:
    own = os.environ | {"REVERIE_HOME": str(home / "data")}
    own.pop("DATABASE_URL", None)  # an evaluation must not write to a real database
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "reverie.cli.main", *arguments], env=own, capture_output=True, check=True
    )
    return time.perf_counter() - start, done.stdout
