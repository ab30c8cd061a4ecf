"""``reverie dream``: learn from the sessions, write what holds into a memory store."""

from contextlib import nullcontext
from pathlib import Path

import click
import msgspec

from reverie.cli.charter import echo_alarms, judge_ended
from reverie.cli.dream_schedule import remove_schedule, set_schedule
from reverie.cli.friction import echo_friction
from reverie.cli.labelled import echo_labelled
from reverie.cli.memory_text import echo_json, json_option
from reverie.cli.progress import progress_line
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.dreams.dream import STAGES, DreamBudget, DreamEstimate, DreamRequest, DreamResult, OutcomeSummary
from reverie.dreams.policy import DreamPolicy
from reverie.dreams.request import budgeted
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream as run_dream
from reverie.jobs.engine import estimate_dream
from reverie.jobs.report import read_coordinators, read_evidence, read_trials, write_report
from reverie.jobs.routing import report_routing
from reverie.models.open import open_model
from reverie.reports.verdict import advice
from reverie.settings import Settings, load_settings
from reverie.storage.live.charter_alarms import Alarm
from reverie.storage.memory.policies import find_policy
from reverie.storage.postgres.database import Database
from reverie.storage.service.teams import find_team
from reverie.telemetry.exporter import open_telemetry


@click.command()
@click.argument("named", required=False, metavar="[STORE]")
@click.option("--store", help="The same as STORE.  [default: default]")
@click.option("--team", help="Dream for this team (a name or an id): into its store and its agents' own.")
@click.option(
    "--where", metavar="EXPR", help="Which sessions to read, such as \"agent = 'desk' and started_at > '2026-01-01'\"."
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this HTML file.")
@click.option("--estimate", is_flag=True, help="Only say what would be read and what it would cost.")
@click.option(
    "--budget",
    type=click.IntRange(min=0),
    metavar="TOKENS",
    help="Most tokens for a model; default: as the policy says.",
)
@click.option(
    "--schedule",
    "expression",
    metavar="CRON",
    help='Dream by itself from now on, such as at "0 3 * * *", while a server runs and when there are new sessions.',
)
@click.option(
    "--time-zone", metavar="ZONE", help="Whose clock CRON is read against, such as Europe/Oslo; default: UTC."
)
@click.option("--no-schedule", "unscheduled", is_flag=True, help="Dream by itself no more.")
@json_option
def dream(
    named: str | None,
    store: str | None,
    team: str | None,
    where: str | None,
    report: Path | None,
    estimate: bool,
    budget: int | None,
    expression: str | None,
    time_zone: str | None,
    unscheduled: bool,
    as_json: bool,
) -> None:
    """Find what separates good sessions from bad ones of the same task, and remember what holds in STORE.

    STORE is made if missing. Needs no model; REVERIE_MODEL names one that may help, within a budget. A dream that was
    cut off is taken up where it stopped. A dream into the store of a team is the team's: see reverie teams.
    """
    store = _choose(named, store, team)
    request = DreamRequest(store, where, budget=None if budget is None else DreamBudget(tokens=budget))
    _refuse_mixed(report is not None or estimate, expression, time_zone, unscheduled)
    if expression is not None:
        set_schedule(request, expression, time_zone or "UTC", as_json)
    elif unscheduled:
        remove_schedule(store, as_json)
    else:
        _dream_now(request, report, estimate, as_json)


def _choose(named: str | None, store: str | None, team: str | None) -> str:
    """The store that is meant.

    Raises:
        click.UsageError: two are named.
        NotFoundError: there is no such team.
    """
    if team is not None and (named or store):
        raise click.UsageError("give --team or a store, not both: a team dreams into its own stores")
    if team is not None:
        return run(lambda database: _store_of(database, team))
    if named is not None and store is not None and named != store:
        raise click.UsageError(f"two stores are named, {named!r} and {store!r}; give one")
    return named or store or "default"


async def _store_of(database: Database, team: str) -> str:
    async with database.connection() as connection:
        return (await find_team(connection, team)).memory_store_id


def _refuse_mixed(now: bool, expression: str | None, time_zone: str | None, unscheduled: bool) -> None:
    """Refuse options that do not go together.

    Raises:
        click.UsageError: they do not.
    """
    if expression is not None and unscheduled:
        raise click.UsageError("give --schedule or --no-schedule, not both")
    if now and (expression is not None or unscheduled):
        raise click.UsageError("--report and --estimate are of a dream now; leave out --schedule and --no-schedule")
    if time_zone is not None and expression is None:
        raise click.UsageError('--time-zone goes with --schedule, such as --schedule "0 3 * * *"')


def _dream_now(request: DreamRequest, report: Path | None, estimate: bool, as_json: bool) -> None:
    settings = load_settings()
    if estimate:
        _estimate(request, settings, as_json)
        return
    if report is not None and not report.parent.is_dir():
        raise click.BadParameter(f"the folder {report.parent} does not exist", param_hint="--report")
    with progress_line("dreaming:") as show:

        def show_progress(stage: str, done: int, total: int) -> None:
            share = f" {done:,} of {total:,}" if total else ""
            show(f"{STAGES.get(stage, stage)}{share}")

        async def work(database: Database) -> tuple[DreamResult, list[Alarm]]:
            clock = SystemClock()
            asked, policy = await _ask(database, request)
            named = settings.model
            with open_telemetry(settings) as telemetry:
                async with nullcontext() if named is None else open_model(named) as model:
                    runtime = Runtime(database, settings, policy, clock, show_progress, model, telemetry.stage)
                    result = await run_dream(runtime, asked)
            if report is not None:
                show("writing the report")
                await _write_report(database, result, report, clock)
            _, raised = await judge_ended(database)
            return result, raised

        result, alarms = run(work, settings)
    if as_json:
        echo_json(result)
    else:
        _print_result(result, report)
        echo_alarms(alarms)


async def _ask(database: Database, request: DreamRequest) -> tuple[DreamRequest, DreamPolicy]:
    """What to dream, by the store's policy where the command does not say."""
    async with database.connection() as connection:
        policy = budgeted(await find_policy(connection, request.store), request.budget)
    return msgspec.structs.replace(request, where=request.where or policy.where), policy


def _estimate(request: DreamRequest, settings: Settings, as_json: bool) -> None:
    async def work(database: Database) -> tuple[DreamEstimate, DreamPolicy]:
        asked, policy = await _ask(database, request)
        return await estimate_dream(database, asked, policy, settings.model), policy

    estimate, policy = run(work, settings)
    _print_estimate(estimate, policy, as_json)


async def _write_report(database: Database, result: DreamResult, path: Path, clock: SystemClock) -> None:
    async with database.connection() as connection:
        evidence = await read_evidence(connection, result)
        trials = await read_trials(connection, result, clock.now())
        routing = [await report_routing(connection, one) for one in await read_coordinators(connection, result)]
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(write_report(result, evidence, trials, routing, clock.now()), encoding="utf-8")
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
            f"{numbered(model.calls, 'call')} of the model with {numbered(model.input_tokens, 'token')} "
            f"in and {model.output_tokens:,} out "
            f"at most, {money}; the dream stops asking at {numbered(policy.budget.tokens, 'token')}"
        )
    click.echo(
        f"{numbered(sessions.read, 'session')} ({sessions.new:,} new, {sessions.scored:,} scored), "
        f"{numbered(estimate.events, 'event')}: "
        f"about {estimate.seconds:.0f} s, {cost}"
    )


def _print_result(result: DreamResult, report: Path | None) -> None:
    counts = {status: sum(x.status == status for x in result.lessons) for status in ("adopted", "candidate", "refused")}
    click.echo(
        f"Read {numbered(result.sessions.read, 'session')} ({result.sessions.new:,} new, "
        f"{result.sessions.scored:,} scored), "
        f"tested {numbered(result.tested, 'pattern')} in {result.seconds:.1f} s."
    )
    if result.sessions.dated is not None and result.sessions.dated < result.sessions.read:
        click.echo(f"Dated: {result.sessions.dated:,}; the others tell nothing about time (trends, fading, tiers).")
    for sentence in result.left_out.sentences():
        click.echo(sentence)
    if result.strata is not None and result.sessions.read:
        strata = result.strata
        click.echo(f"Compared within {strata.by}: {strata.informative:,} of {strata.strata:,} strata can tell.")
        if strata.note:
            click.secho(f"{strata.note[:1].upper()}{strata.note[1:]}.", fg="yellow")
    if result.implicit:
        click.secho("Implicit: lessons rest on what users did afterwards and how sessions were left.", fg="yellow")
    adopted = f"{counts['adopted']} adopted{' (implicit)' if result.implicit else ''}"
    click.echo(
        f"{click.style(adopted, bold=True)}, {counts['candidate']} candidates, {counts['refused']} refused; "
        f"the placebo adopted {result.placebo.lessons} in {result.placebo.runs} runs."
    )
    if table := _table(result):
        click.echo(table)
    if result.labelled is not None:
        echo_labelled(result.labelled)
    for outcome in result.outcomes:
        click.echo(_outcome_line(outcome))
    if result.friction is not None and result.sessions.read and not result.sessions.scored:
        echo_friction(result.friction, result.preferences)
    _print_contribution(result)
    _print_stores(result)
    if (told := advice(result)) is not None and not (
        result.sessions.scored > 1 and result.strata and result.strata.note
    ):
        click.secho(f"Next: {told.next_step}", fg="yellow")
    if report is not None:
        click.echo(f"Report: {report}")


def _print_stores(result: DreamResult) -> None:
    """What was written where; of a team, what each store holds now and whose lessons it takes."""
    if result.team is None:
        told = "nothing to change" if result.revision is None else f"revision {result.revision}"
        click.echo(
            f"Store {result.store!r}: {told}, {numbered(len(result.changes), 'change')}. Dream {result.dream_id}."
        )
        return
    click.echo(f"Team {result.team!r}, dream {result.dream_id}:")
    for store in result.stores:
        told = "nothing to change" if store.revision is None else f"revision {store.revision}"
        whose = f"of {store.agent}" if store.agent else "of the team"
        click.echo(
            f"    {store.name!r} ({whose}): {told}, {numbered(store.changes, 'change')}; "
            f"{numbered(store.adopted, 'lesson')} adopted, {store.in_trial} in trial"
        )


def _print_contribution(result: DreamResult) -> None:
    """What the model did, and what it cost."""
    if result.proposals:
        kept = sum(proposal.verdict != "refused" for proposal in result.proposals)
        click.echo(
            f"Of {numbered(len(result.proposals), 'behaviour')} that a model proposed, {kept:,} passed the tests."
        )
    if usage := result.usage:
        tokens = sum(amount for name, amount in usage.items() if name.endswith("_tokens"))
        money = f", {usage['cost_usd']:.4f} USD" if "cost_usd" in usage else ""
        click.echo(
            f"The model {usage['model']} took {numbered(usage['calls'], 'call')}, {numbered(tokens, 'token')}{money}."
        )
    for note in result.notes:
        click.echo(f"Note: {note}")


def _outcome_line(outcome: OutcomeSummary) -> str:
    """What came of an outcome besides the reward, in a line."""
    if outcome.note:
        return f"{outcome.name}: {outcome.note}."
    adopted = sum(row.verdict == "adopted" for row in outcome.patterns)
    placebo = outcome.placebo
    return (
        f"{outcome.name}: {adopted} of {numbered(outcome.tested, 'tested pattern')} adopted, in "
        f"{numbered(outcome.sessions, 'session')}; "
        f"the placebo adopted {placebo.lessons} in {placebo.runs} runs."
    )


def _table(result: DreamResult) -> str:
    """The lessons that were kept, ``''`` for none; of a team, those in trial too, and in which store and for whom."""
    shown = ("adopted", "candidate", "retired", *(("trial",) if result.team is not None else ()))
    names = {store.memory_store_id: store.name for store in result.stores}
    placed = {place.lesson_id: place for place in result.placed}
    rows = []
    for lesson in result.lessons:
        if lesson.status not in shown:
            continue
        effect, place = lesson.effect, placed.get(lesson.id)
        status = "in trial" if lesson.status == "trial" else lesson.status
        told = [f"{status}, implicit" if lesson.implicit else status]
        if result.team is not None:
            told.append("" if place is None else names.get(place.memory_store_id, place.memory_store_id))
            told.append((place.agent if place is not None else lesson.scope.agent) or "all")
        interval = f"{effect.low:+.2f} … {effect.high:+.2f}"
        rows.append([*told, f"{effect.estimate:+.2f}", interval, effect.unit, lesson.advice])
    if not rows:
        return ""
    of_team = ("store", "for") if result.team is not None else ()
    return format_table(("status", *of_team, "effect", "95 %", "of", "lesson"), rows, "l" * len(of_team) + "lr")
