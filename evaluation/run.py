"""Measures how well dreams find what is true; what `make evaluate` calls.

    python -m evaluation.run [--quick] [--seeds N] [--only SECTION]… [--data FOLDER] [--json]

Tables go to docs/evaluation.md, between the section's markers (not with --quick), and to standard output. With
``--json`` all figures are printed as one JSON document instead.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import msgspec

from evaluation import tables
from evaluation.blame import judge_rules, read_failures
from evaluation.calibration import compare_arms
from evaluation.planted import NULL_WORLDS, WORLDS, run_drift, run_world
from evaluation.real_path import run_commands
from evaluation.recall_quality import RecallQuality
from evaluation.replication import HalfSplit, replicate
from evaluation.small import run_small
from evaluation.small_worlds import SMALL_WORLDS
from evaluation.stages import measure_stages
from evaluation.team import blame, run_team
from evaluation.traces import TRACE_SETS, read_traces
from reverie.mining.policy import MiningPolicy
from reverie.testing.worlds import null_world, plain_world, support_desk

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "evaluation.md"
LIBRARIES = ("reverie", "numpy", "scipy", "msgspec")
POLICY = MiningPolicy(placebo_runs=2)
PROCESSES = 2


class Plan(msgspec.Struct, frozen=True):
    """How much to run."""

    seeds: range
    null_seeds: range
    small_seeds: range
    sizes: tuple[int, ...]
    """Sessions at which stages are timed."""
    data: Path | None


class Section(msgspec.Struct, frozen=True):
    """Figures, and the same as Markdown."""

    figures: Any
    table: str


FULL = Plan(
    seeds=range(1, 11), null_seeds=range(101, 121), small_seeds=range(1, 101), sizes=(1_000, 4_000, 16_000), data=None
)
QUICK = Plan(seeds=range(1, 3), null_seeds=range(101, 103), small_seeds=range(1, 4), sizes=(500, 1_000), data=None)


def worlds(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """Planted worlds, beside two baselines."""
    jobs = [(name, seed) for name in WORLDS for seed in plan.seeds]
    runs = list(pool.map(partial(run_world, policy=POLICY), *zip(*jobs, strict=True)))
    return Section(runs, tables.worlds_tables(runs))


def nulls(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """Worlds in which nothing is true."""
    jobs = [(name, seed) for name in NULL_WORLDS for seed in plan.null_seeds]
    runs = list(pool.map(partial(run_world, policy=POLICY), *zip(*jobs, strict=True)))
    return Section(runs, tables.nulls_table(runs))


def small(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """Few sessions, cut-off runs, copies, a release, one busy user: each beside its null."""
    jobs = [(name, seed) for name in SMALL_WORLDS for seed in plan.small_seeds if name.endswith("-null") or seed <= 20]
    policy = msgspec.structs.replace(POLICY, placebo_runs=0)
    runs = list(pool.map(partial(run_small, policy=policy), *zip(*jobs, strict=True), chunksize=5))
    return Section(runs, tables.small_table(runs))


def drift(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """A lesson that stops being true."""
    runs = list(pool.map(partial(run_drift, policy=POLICY), plan.seeds))
    return Section(runs, tables.drift_table(runs))


def stages(plan: Plan, _pool: ProcessPoolExecutor) -> Section:
    """Time and memory by size: alone on the machine, a fresh process each."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as alone:
        rows = [row for size in plan.sizes for row in alone.submit(measure_stages, size, POLICY).result()]
    return Section(rows, tables.stages_table(rows))


def commands(plan: Plan, _pool: ProcessPoolExecutor) -> Section:
    """A few worlds through the command line and an embedded database."""
    runs = []
    for make in (support_desk, plain_world, null_world):
        with tempfile.TemporaryDirectory(prefix="reverie-evaluation-") as home:
            runs.append(run_commands(make(plan.seeds[0]), Path(home)))
    return Section(runs, tables.commands_table(runs))


def traces(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """Public traces: found on half of the tasks, measured on the other half."""
    splits = dict(
        zip((each.name for each in TRACE_SETS), pool.map(partial(_split, plan.data), TRACE_SETS), strict=True)
    )
    return Section(splits, tables.traces_tables(splits))


def _split(data: Path | None, each: Any) -> HalfSplit | None:
    read = read_traces(each, data) if data else None
    return replicate(read.sessions, POLICY) if read else None


def calibration(plan: Plan, _pool: ProcessPoolExecutor) -> Section:
    """Reflexion with and without lessons."""
    rows = compare_arms(plan.data / "reflexion" / "alfworld") if plan.data else None
    webshop = plan.data is not None and (plan.data / "reflexion" / "webshop").exists()
    missing = "" if webshop else "\n\nThe WebShop runs, a real null, are absent: that half of the pair is not measured."
    return Section(rows, tables.calibration_table(rows) + missing if rows else _absent("ALFWorld"))


def attribution(plan: Plan, _pool: ProcessPoolExecutor) -> Section:
    """Which agent, and which step, made a session fail."""
    archive = plan.data / "who-and-when" / "Algorithm-Generated.tar.gz" if plan.data else None
    if archive is None or not archive.is_file():
        return Section(None, _absent("Who&When"))
    rows = judge_rules(list(read_failures(archive)))
    return Section(rows, tables.blame_table(rows))


def teams(plan: Plan, pool: ProcessPoolExecutor) -> Section:
    """Hand-offs of a planted team: found, followed, and who is blamed."""
    runs = list(pool.map(partial(run_team, policy=POLICY), plan.seeds))
    nulls = list(pool.map(partial(run_team, policy=POLICY, null=True), plan.null_seeds))
    blamed = blame(plan.seeds)
    return Section({"runs": runs, "nulls": nulls, "blame": blamed}, tables.teams_tables(runs, nulls, blamed))


def recall(plan: Plan, _pool: ProcessPoolExecutor) -> Section:
    """Which of the turns that answer a question recall finds, in long dialogues."""
    places = {"locomo": "locomo/locomo10.json.gz", "beam": "beam/beam-100K.tar.gz"}
    files = {name: plan.data / place for name, place in places.items()} if plan.data else {}
    options = [part for name, file in files.items() if file.is_file() for part in (f"--{name}", str(file))]
    if not options:
        return Section(None, _absent("LoCoMo and BEAM"))
    command = [sys.executable, "-m", "benchmarks.recall_quality", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=PROJECT)
    gains = msgspec.json.decode(done.stdout, type=RecallQuality)
    return Section(gains, tables.recall_table(gains))


def _absent(name: str) -> str:
    return f"The {name} records are absent: skipped."


SECTIONS: Mapping[str, Callable[[Plan, ProcessPoolExecutor], Section]] = {
    "worlds": worlds,
    "nulls": nulls,
    "small": small,
    "drift": drift,
    "stages": stages,
    "commands": commands,
    "traces": traces,
    "calibration": calibration,
    "attribution": attribution,
    "teams": teams,
    "recall": recall,
}


@click.command()
@click.option("--quick", is_flag=True, help="Two seeds of each world, small sizes; the document is left as it is.")
@click.option("--seeds", type=click.IntRange(min=1), help="No more than so many seeds of each world.")
@click.option("--only", multiple=True, type=click.Choice(list(SECTIONS)), help="Just this section; may be repeated.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), envvar="REVERIE_DATA", help="Public traces.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON document.")
def main(quick: bool, seeds: int | None, only: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Measure how well dreams find what is true."""
    beside = PROJECT.parent / "shared" / "data"
    plan = msgspec.structs.replace(QUICK if quick else FULL, data=data or (beside if beside.is_dir() else None))
    plan = _of_seeds(plan, seeds)
    sections = {}
    with ProcessPoolExecutor(PROCESSES) as pool:
        for name in only or SECTIONS:
            start = time.perf_counter()
            sections[name] = SECTIONS[name](plan, pool)
            click.echo(f"{name}: {time.perf_counter() - start:.0f} s", err=True)
    origin, limit = _origin(plan, quick), f" --seeds {seeds}" if seeds else ""
    if as_json:
        figures = {"origin": origin, **{name: section.figures for name, section in sections.items()}}
        click.echo(msgspec.json.format(msgspec.json.encode(figures), indent=1).decode())
        return
    for name, section in sections.items():
        click.echo(f"\n## {name}\n\n{section.table}")
        if not quick:
            _write(name, f"{section.table}\n\n_{origin}, `python -m evaluation.run --only {name}{limit}`._")
    click.echo(f"\n{origin}")


def _of_seeds(plan: Plan, most: int | None) -> Plan:
    names = ("seeds", "null_seeds", "small_seeds")
    return msgspec.structs.replace(plan, **{name: getattr(plan, name)[:most] for name in names})


def _write(section: str, table: str) -> None:
    DOCUMENT.write_text(tables.place_table(DOCUMENT.read_text(encoding="utf-8"), section, table), encoding="utf-8")


def _origin(plan: Plan, quick: bool) -> str:
    """When, where and with what the figures were made."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    versions = f"Python {platform.python_version()}, {versions}"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if hasattr(os, "getloadavg"):  # others at work on the machine make times longer
        machine += f" (load {os.getloadavg()[1]:.1f})"
    seeds = f"seeds {plan.seeds[0]}–{plan.seeds[-1]}, null worlds {plan.null_seeds[0]}–{plan.null_seeds[-1]}"
    day = datetime.now(UTC).date().isoformat()
    return f"{'Quick run' if quick else 'Run'} of {day}: {seeds}; {machine}; {versions}"


if __name__ == "__main__":
    sys.exit(main())
