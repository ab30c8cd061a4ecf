"""Plants a support desk's sessions, lets Reverie dream over them, and shows what was planted beside what was found.

    python examples/demo.py [--home FOLDER]

Everything it makes stays in FOLDER (default: .demo in the project's folder), the embedded database too; delete the
folder to begin again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from reverie.cli.table import format_table
from reverie.dreams.dream import DreamResult
from reverie.lessons.lesson import Effect
from reverie.testing.worlds import ScoreRow, WorldScore, finding, score_lessons, support_desk, write_world

PROJECT = Path(__file__).resolve().parent.parent
SEED = 1
STYLES = {"found": "green", "missed": "yellow", "false": "red", "left alone": "green"}


def main() -> int:
    """Run the demo; returns the exit code of the first command that failed, else 0."""
    parser = argparse.ArgumentParser(description="Reverie on sessions whose true causes are known.")
    parser.add_argument("--home", type=Path, default=PROJECT / ".demo", help="where everything is kept")
    home = parser.parse_args().home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    world, sessions, report = support_desk(SEED), home / "sessions.jsonl.gz", home / "report.html"
    try:
        click.echo(f"Planted {write_world(world, sessions):,} sessions of a support desk in {sessions}")
        click.echo("Importing them …")
        _reverie(home, "import", str(sessions), "--json")
        click.echo("Dreaming …")
        dream = _reverie(home, "dream", "--store", "demo", "--report", str(report), "--json")
    except subprocess.CalledProcessError as error:
        click.echo(f"{click.style(' '.join(error.cmd[1:]) + ' failed', fg='red')}; what it said is above")
        return int(error.returncode)
    result = msgspec.json.decode(dream, type=DreamResult)
    score = score_lessons(world.truths, result.lessons)
    click.echo(_table(score))
    click.echo(_summary(score, result))
    click.echo(f"Report: {report}")
    click.echo(
        "How to read it: effects are differences in reward between sessions of the same task with and without the "
        "behaviour; a decoy goes with failure only because hard tasks call for it, so it must be left alone."
    )
    return 0


def _reverie(home: Path, *arguments: str) -> bytes:
    """What the command printed; its own progress and errors go to this terminal.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    own = os.environ | {"REVERIE_HOME": str(home / "data")}
    own.pop("DATABASE_URL", None)  # the demo must not write to a real database
    command = [sys.executable, "-m", "reverie.cli.main", *arguments]
    return subprocess.run(command, env=own, stdout=subprocess.PIPE, check=True).stdout


def _table(score: WorldScore) -> str:
    rows = []
    for row in score.rows:
        kind, what, effect = _truth_cells(row)
        found = _interval(row.lesson.effect) if row.lesson else "–"
        rows.append([click.style(row.verdict, fg=STYLES[row.verdict]), kind, effect, found, what])
    return "Planted against found\n" + format_table(
        ("verdict", "kind", "true effect", "found effect [95 %]", "what"), rows
    )


def _truth_cells(row: ScoreRow) -> tuple[str, str, str]:
    """Kind, finding and true effect; a lesson with no truth behind it shows its own words."""
    if row.truth:
        return row.truth.kind, finding(row.truth.situation, row.truth.behaviour), f"{row.truth.effect:+.2f}"
    return "–", row.lesson.behaviour if row.lesson else "–", "–"


def _interval(effect: Effect) -> str:
    return f"{effect.estimate:+.2f} [{effect.low:+.2f}, {effect.high:+.2f}]"


def _summary(score: WorldScore, result: DreamResult) -> str:
    recall = "nothing planted" if score.recall is None else f"{score.recall:.0%} of what was planted found"
    return (
        f"{recall}, {score.false_adopted} false lessons, {result.tested:,} patterns tested; "
        f"the placebo ({result.placebo.runs} runs on shuffled rewards) adopted {result.placebo.lessons}; "
        f"{result.seconds:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
