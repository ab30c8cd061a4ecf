"""Figures as Markdown tables, and their place in a document."""

import re
from collections.abc import Iterable, Sequence

from evaluation.blame import BlameRow
from evaluation.calibration import TrialRow
from evaluation.measures import PairedDifference, Rate, Share, poisson_rate
from evaluation.planted import DriftRun, WorldRun
from evaluation.real_path import RealRun
from evaluation.recall_quality import RecallQuality
from evaluation.replication import HalfSplit, Replication
from evaluation.small import SmallRun
from evaluation.stages import StageRow, growth
from evaluation.summary import (
    WorldSummary,
    overall_coverage,
    recall_by_size,
    summarise_world,
    truth_rows,
)
from evaluation.team import TeamRun


def place_table(document: str, section: str, table: str) -> str:
    """The document with what stands between the section's markers replaced.

    Raises:
        ValueError: the document has no such markers.
    """
    pattern = re.compile(rf"(<!-- begin {re.escape(section)} -->\n).*?(<!-- end {re.escape(section)} -->)", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"the document has no markers for {section!r}")
    return pattern.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", document)


def worlds_tables(runs: Sequence[WorldRun]) -> str:
    """Marks by world, recall by size, each planted effect, and the mistakes."""
    by_world = _by_world(runs)
    summaries = [summarise_world(each) for each in by_world]
    planted, zero = overall_coverage(runs)
    coverage = f"Coverage over all worlds: planted effects {_share(planted)}; effects of nothing {_share(zero)}."
    return "\n\n".join([
        _marks(summaries),
        coverage,
        _sizes(runs),
        _truths(by_world),
        _mistakes(summaries),
    ])  # fmt: skip


def nulls_table(runs: Sequence[WorldRun]) -> str:
    """False lessons per world where nothing is true, and which."""
    worlds = [(summarise_world(each), each) for each in _by_world(runs)]
    head = ("world", "seeds", "tested", "false lessons a world", "pooled", "coverage of 0", "placebo lessons a run")
    body = [
        (
            *(s.world, s.seeds, f"{sum(run.tested for run in each) / len(each):.0f}", _rate(s.false_lessons)),
            f"{sum(run.marks['pooled'].adopted for run in each) / len(each):.1f}",
            *(_share(s.covered_zero), _rate(s.placebo)),
        )
        for s, each in worlds
    ]
    total = poisson_rate(sum(s.false_lessons.events for s, _ in worlds), len(runs))
    together = f"All null worlds together: {_rate(total)} false lessons a world."
    return "\n\n".join([_table(head, body), together, _mistakes([s for s, _ in worlds])])


def small_table(runs: Sequence[SmallRun]) -> str:
    """Small worlds and their nulls: what is claimed falsely, found, covered and left out."""
    head = (
        "world",
        "seeds",
        "sessions",
        "false lessons a world",
        "right of `check`",
        "adopted",
        "coverage",
        "left out",
    )
    return _table(
        head, [_small_row([r for r in runs if r.world == name]) for name in dict.fromkeys(r.world for r in runs)]
    )


def _small_row(runs: Sequence[SmallRun]) -> tuple[object, ...]:
    null = runs[0].world.endswith("-null")
    false = _rate(poisson_rate(sum(len(run.adopted) for run in runs), len(runs))) if null else ""
    right = sum(run.verdict == run.right for run in runs)
    covered = [run.covered for run in runs if run.covered is not None]
    return (
        *(runs[0].world, len(runs), f"{sum(run.sessions for run in runs) / len(runs):.0f}", false),
        "" if null else f"{right} of {len(runs)}",
        sum(bool(run.adopted) for run in runs),
        f"{sum(covered)} of {len(covered)}",
        f"{sum(run.left_out for run in runs)} of {sum(run.to_leave_out for run in runs)}",
    )


def drift_table(runs: Sequence[DriftRun]) -> str:
    """What becomes of a lesson that stops being true."""
    learnt, kept = sum(run.learnt for run in runs), sum(run.learnt and run.kept for run in runs)
    head = ("seeds", "adopted from the first half of the time", "of these still adopted from all of it")
    return _table(head, [(len(runs), learnt, kept)])


def stages_table(rows: Sequence[StageRow]) -> str:
    """Seconds and memory by stage and size."""
    sizes = sorted({row.sessions for row in rows})
    body = []
    for stage in dict.fromkeys(row.stage.partition(",")[0] for row in rows):
        mine = sorted((row for row in rows if row.stage.startswith(stage)), key=lambda row: row.sessions)
        cells = [f"{row.seconds:.2f} s, {row.peak_mb:.0f} MB" for row in mine]
        body.append((mine[0].stage, *cells, f"{growth(mine):.2f}" if len(mine) > 1 else "–"))
    return _table(("stage", *(f"{size:,} sessions" for size in sizes), "growth exponent"), body)


def commands_table(runs: Sequence[RealRun]) -> str:
    """The same worlds through the command line."""
    head = ("world", "sessions", "import", "dream", "of it, by stage", "precision", "recall", "false", "placebo")
    body = [
        (
            *(run.world, f"{run.sessions:,}", f"{run.import_seconds:.1f} s", f"{run.dream_seconds:.1f} s"),
            ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in run.stages.items()),
            *(_percent(run.score.precision), _percent(run.score.recall), run.score.false_adopted),
            f"{run.placebo_lessons} in {run.placebo_runs} runs",
        )
        for run in runs
    ]
    return _table(head, body)


def traces_tables(splits: dict[str, HalfSplit | None]) -> str:
    """Real traces: what was found on half of the tasks, and what the other half says."""
    head = (
        *("traces", "sessions (found on, held out)", "tasks", "tested", "adopted", "replicated", "placebo"),
        *("pooled claims", "of these replicated", "adopted from all"),
    )
    rows: list[tuple[object, ...]] = []
    details: list[tuple[object, ...]] = []
    for name, split in splits.items():
        if split is None:
            rows.append((name, "absent", *["–"] * (len(head) - 2)))
            continue
        rows.append(_trace_row(name, split))
        details += [_replication(name, each) for each in split.lessons]
    lessons = ("traces", "lesson", "effect found", "held-out effect [95 %]", "replicated")
    return f"{_table(head, rows)}\n\n{_table(lessons, details)}"


def calibration_table(rows: Sequence[TrialRow]) -> str:
    """Both arms, attempt by attempt."""
    head = ("trial", "tasks", "solved with lessons", "without", "difference [95 %]", "mid-p")
    body = []
    for row in rows:
        gain = row.gain
        tasks = gain.both + gain.only_first + gain.only_second + gain.neither
        body.append((row.trial, tasks, row.solved_with, row.solved_without, _difference(gain), f"{gain.p_value:.4f}"))
    return _table(head, body)


def blame_table(rows: Sequence[BlameRow]) -> str:
    """Rules of attribution on the same failures."""
    head = ("rule", "failures", "guilty agent", "guilty step", "reverie's lead, agent", "reverie's lead, step")
    body = [
        (
            *(row.rule, row.failures),
            f"{row.agents / row.failures:.0%} {_span(*row.agent_interval)}",
            "–" if row.steps is None else f"{row.steps / row.failures:.0%} {_span(*row.step_interval)}",
            "–" if row.rule == "reverie" else _difference(row.agent_gain),
            "–" if row.rule == "reverie" or row.steps is None else _difference(row.step_gain),
        )
        for row in rows
    ]
    return _table(head, body)


def teams_tables(runs: Sequence[TeamRun], nulls: Sequence[TeamRun], blamed: Sequence[BlameRow]) -> str:
    """What dreams find of a planted team's hand-offs, what following it gains, and who is blamed."""
    head = ("planted", "found in", "promised a session", "gained by following the words")
    names = sorted({name for run in runs for name in (*run.found, *run.missed)})
    body = [_team_row(name, runs) for name in names]
    false = [words for run in (*runs, *nulls) for words in run.false_words]
    said = ", ".join(f"`{words}`" for words in false) or "none"
    null = sum(bool(run.false_words) for run in nulls)
    placebo = sum(run.placebo for run in (*runs, *nulls))
    return "\n\n".join([
        _table(head, body),
        f"Adopted though not true: {said}. Of {len(nulls)} null worlds {null} had any; placebos adopted {placebo}.",
        "Failures of the planted team in which a member erred, two in five of them without a trace:",
        blame_table(blamed),
    ])  # fmt: skip


def _team_row(name: str, runs: Sequence[TeamRun]) -> tuple[object, ...]:
    told = [each for run in runs for each in run.followed if each.trade == name]
    count = max(len(told), 1)
    promised, gained = sum(each.told.promised for each in told) / count, sum(each.realised for each in told) / count
    found = sum(name in run.found for run in runs)
    return f"`{name}`", f"{found} of {len(runs)}", f"{promised:.3f}", f"{gained:.3f} ({len(told)} lessons)"


def recall_table(quality: RecallQuality) -> str:
    """Recall@5 beside plain stemmed words on the same questions."""
    head = ("dialogues", "settings chosen on", "conversations", "questions", "recall@5", "plain words", "gain [95 %]")
    rows = [
        (
            *(name, chosen, gain.conversations, gain.questions, f"{gain.recall:.3f}", f"{gain.plain:.3f}"),
            f"{gain.gain:+.3f} [{gain.gain_low:+.3f}, {gain.gain_high:+.3f}]",
        )
        for name, each in quality.results.items()
        for chosen, gain in (("all but one", each.one_left_out), ("all but two", each.two_left_out))
        if gain is not None
    ]
    return f"{_table(head, rows)}\n\nVectors: {quality.embedder}."


def _by_world(runs: Sequence[WorldRun]) -> list[list[WorldRun]]:
    return [[run for run in runs if run.world == world] for world in dict.fromkeys(run.world for run in runs)]


def _marks(summaries: Iterable[WorldSummary]) -> str:
    head = (
        *(
            "world",
            "seeds",
            "sessions",
            "precision",
            "recall",
            "recall ≥ 0.15",
            "coverage, adopted",
            "coverage, planted",
            "described",
        ),
        *("placebo a run", "pooled: precision, recall", "popular: precision, recall", "seconds"),
    )
    body = [
        (
            *(s.world, s.seeds, f"{s.sessions:,}", _share(s.precision), _share(s.recall), _share(s.recall_target)),
            *(_share(s.covered_adopted), _share(s.covered_planted), _share(s.described), f"{s.placebo.value:.2f}"),
            *(f"{_percent(p.value)}, {_percent(r.value)}" for p, r in s.baselines.values()),
            f"{s.seconds:.1f}",
        )
        for s in summaries
    ]
    return _table(head, body)


def _sizes(runs: Sequence[WorldRun]) -> str:
    rows = recall_by_size(runs)
    head = ("size of the effect", "planted", *(f"recall, {method}" for method in rows[0].recall))
    return _table(
        head,
        [
            (f"{row.low:.3g} to {row.high:.3g}", int(row.recall["reverie"].whole), *map(_share, row.recall.values()))
            for row in rows
        ],
    )


def _truths(by_world: Iterable[Sequence[WorldRun]]) -> str:
    rows = [row for runs in by_world for row in truth_rows(runs)]
    head = ("world", "planted", "true effect", "seeds", *(f"found by {method}" for method in rows[0].found))
    return _table(head, [(r.world, f"`{r.words}`", f"{r.effect:+.2f}", r.seeds, *r.found.values()) for r in rows])


def _mistakes(summaries: Iterable[WorldSummary]) -> str:
    rows = [(s.world, f"`{words}`", f"{count} of {s.seeds}") for s in summaries for words, count in s.mistakes]
    return _table(("world", "adopted though not true", "worlds"), rows) if rows else "No false lesson was adopted."


def _trace_row(name: str, split: HalfSplit) -> tuple[object, ...]:
    replicated = sum(each.replicated for each in split.lessons)
    pooled = sum(each.replicated for each in split.pooled)
    mined = split.mined
    return (
        *(name, f"{split.sessions[0]:,}, {split.sessions[1]:,}", f"{split.tasks[0]}, {split.tasks[1]}", mined.tested),
        *(
            len(split.lessons),
            replicated,
            f"{mined.placebo_lessons} in {mined.placebo_runs}",
            len(split.pooled),
            pooled,
        ),
        sum(finding.verdict == "adopted" for finding in split.whole.findings),
    )


def _replication(name: str, claim: Replication) -> tuple[object, ...]:
    words = f"`{claim.situation} | {claim.behaviour}`" + (f" ({claim.category})" if claim.category else "")
    held_out = "too few to tell"
    if claim.held_out is not None and claim.low is not None and claim.high is not None:
        held_out = f"{claim.held_out:+.2f} [{claim.low:+.2f}, {claim.high:+.2f}]"
    return name, words, f"{claim.found:+.2f}", held_out, "yes" if claim.replicated else "no"


def _share(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{share.value:.1%} of {share.whole:.0f} {_span(share.low, share.high)}"


def _span(low: float, high: float) -> str:
    return f"[{low:.0%}, {high:.0%}]"


def _rate(rate: Rate) -> str:
    return f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}] ({rate.events} in {rate.units})"


def _difference(difference: PairedDifference) -> str:
    return f"{difference.difference:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
