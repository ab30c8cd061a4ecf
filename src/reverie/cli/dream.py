"""``reverie dream``: learn from the sessions, write what holds into a memory store."""

from contextlib import nullcontext
from pathlib import Path

import click

from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.dreams.dream import STAGES, DreamEstimate, DreamRequest, DreamResult, OutcomeSummary
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream as run_dream
from reverie.jobs.engine import estimate_dream
from reverie.jobs.report import read_evidence, write_report
from reverie.lessons.lesson import Lesson
from reverie.models.open import open_model
from reverie.settings import Settings, load_settings
from reverie.storage.memory.policies import find_policy
from reverie.storage.postgres.database import Database
from reverie.telemetry.exporter import open_telemetry


@click.command()
@click.option("--store", default="default", show_default=True, help="Memory store to write to; made if missing.")
@click.option(
    "--where", metavar="EXPR", help="Which sessions to read, such as \"agent = 'desk' and started_at > '2026-01-01'\"."
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this HTML file.")
@click.option("--estimate", is_flag=True, help="Only say what would be read and what it would cost.")
@json_option
def dream(store: str, where: str | None, report: Path | None, estimate: bool, as_json: bool) -> None:
    """Find what separates good sessions from bad ones of the same task, and remember what holds.

    Needs no model; REVERIE_MODEL names one that may help, within a budget. A dream that was cut off is taken up where
    it stopped.
    """
    settings = load_settings()
    if estimate:
        _estimate(store, where, settings, as_json)
        return
    if report is not None and not report.parent.is_dir():
        raise click.BadParameter(f"the folder {report.parent} does not exist", param_hint="--report")
    with progress_line("dreaming:") as show:

        def show_progress(stage: str, done: int, total: int) -> None:
            share = f" {done:,} of {total:,}" if total else ""
            show(f"{STAGES.get(stage, stage)}{share}")

        async def work(database: Database) -> DreamResult:
            clock = SystemClock()
            request, policy = await _ask(database, store, where)
            named = settings.model
            with open_telemetry(settings) as telemetry:
                async with nullcontext() if named is None else open_model(named) as model:
                    runtime = Runtime(database, settings, policy, clock, show_progress, model, telemetry.stage)
                    result = await run_dream(runtime, request)
            if report is not None:
                show("writing the report")
                await _write_report(database, result, report, clock)
            return result

        result = run(work, settings)
    if as_json:
        echo_json(result)
    else:
        _print_result(result, report)


async def _ask(database: Database, store: str, where: str | None) -> tuple[DreamRequest, DreamPolicy]:
    """What to dream, by the store's policy where the command does not say."""
    async with database.connection() as connection:
        policy = await find_policy(connection, store)
    return DreamRequest(store, where or policy.where), policy


def _estimate(store: str, where: str | None, settings: Settings, as_json: bool) -> None:
    async def work(database: Database) -> tuple[DreamEstimate, DreamPolicy]:
        request, policy = await _ask(database, store, where)
        return await estimate_dream(database, request, policy, settings.model), policy

    estimate, policy = run(work, settings)
    _print_estimate(estimate, policy, as_json)


async def _write_report(database: Database, result: DreamResult, path: Path, clock: SystemClock) -> None:
    async with database.connection() as connection:
        evidence = await read_evidence(connection, result)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(write_report(result, evidence, clock.now()), encoding="utf-8")
    partial.replace(path)


def _print_estimate(estimate: DreamEstimate, policy: DreamPolicy, as_json: bool) -> None:
    if as_json:
        echo_json(estimate)
        return
    sessions, model = estimate.sessions, estimate.model
    if model is None:
        cost = f"no model, {estimate.cost_usd:.2f} USD"
    else:
        money = "price unknown" if model.usd is None else f"{model.usd:.2f} USD"
        cost = (
            f"{model.calls:,} calls of the model with {model.input_tokens:,} tokens in and {model.output_tokens:,} out "
            f"at most, {money}; the dream stops asking at {policy.budget.tokens:,} tokens"
        )
    click.echo(
        f"{sessions.read:,} sessions ({sessions.new:,} new, {sessions.scored:,} scored), {estimate.events:,} events: "
        f"about {estimate.seconds:.0f} s, {cost}"
    )


def _print_result(result: DreamResult, report: Path | None) -> None:
    kept = [lesson for lesson in result.lessons if lesson.status in ("adopted", "candidate", "retired")]
    counts = {status: sum(x.status == status for x in result.lessons) for status in ("adopted", "candidate", "refused")}
    click.echo(
        f"Read {result.sessions.read:,} sessions ({result.sessions.new:,} new, {result.sessions.scored:,} scored), "
        f"tested {result.tested:,} patterns in {result.seconds:.1f} s."
    )
    if result.sessions.dated is not None and result.sessions.dated < result.sessions.read:
        click.echo(f"Dated: {result.sessions.dated:,}; the others tell nothing about time (trends, fading, tiers).")
    for sentence in result.left_out.sentences():
        click.echo(sentence)
    if result.strata is not None:
        strata = result.strata
        click.echo(f"Compared within {strata.by}: {strata.informative:,} of {strata.strata:,} strata can tell.")
        if strata.note:
            click.secho(f"{strata.note[:1].upper()}{strata.note[1:]}.", fg="yellow")
    adopted = f"{counts['adopted']} adopted"
    click.echo(
        f"{click.style(adopted, bold=True)}, {counts['candidate']} candidates, {counts['refused']} refused; "
        f"the placebo adopted {result.placebo.lessons} in {result.placebo.runs} runs."
    )
    if kept:
        click.echo(_table(kept))
    for outcome in result.outcomes:
        click.echo(_outcome_line(outcome))
    _print_contribution(result)
    revision = f"revision {result.revision}" if result.revision is not None else "nothing to change"
    click.echo(f"Store {result.store!r}: {revision}, {len(result.changes)} changes. Dream {result.dream_id}.")
    if report is not None:
        click.echo(f"Report: {report}")


def _print_contribution(result: DreamResult) -> None:
    """What the model did, and what it cost."""
    if result.proposals:
        kept = sum(proposal.verdict != "refused" for proposal in result.proposals)
        click.echo(f"Of {len(result.proposals):,} behaviours that a model proposed, {kept:,} passed the tests.")
    if usage := result.usage:
        tokens = sum(amount for name, amount in usage.items() if name.endswith("_tokens"))
        money = f", {usage['cost_usd']:.4f} USD" if "cost_usd" in usage else ""
        click.echo(f"The model {usage['model']} took {usage['calls']:,} calls, {tokens:,} tokens{money}.")
    for note in result.notes:
        click.echo(f"Note: {note}")


def _outcome_line(outcome: OutcomeSummary) -> str:
    """What came of an outcome besides the reward, in a line."""
    if outcome.note:
        return f"{outcome.name}: {outcome.note}."
    adopted = sum(row.verdict == "adopted" for row in outcome.patterns)
    placebo = outcome.placebo
    return (
        f"{outcome.name}: {adopted} of {outcome.tested:,} tested patterns adopted, in {outcome.sessions:,} sessions; "
        f"the placebo adopted {placebo.lessons} in {placebo.runs} runs."
    )


def _table(lessons: list[Lesson]) -> str:
    rows = []
    for lesson in lessons:
        effect = lesson.effect
        interval = f"{effect.low:+.2f} … {effect.high:+.2f}"
        rows.append([lesson.status, f"{effect.estimate:+.2f}", interval, effect.unit, lesson.advice])
    return format_table(("status", "effect", "95 %", "of", "lesson"), rows, "lr")
