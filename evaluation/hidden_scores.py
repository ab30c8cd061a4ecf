"""Few labels on public sets: the scores of most sessions are hidden, 30 are drawn as for a person, again and again.

    python -m evaluation.hidden_scores --data FOLDER [--draws 400]

Every behaviour that full scores could test is estimated from 30 labels, with a proxy and without. Covered is the
estimate from all scores, which is no truth but what the labels were drawn from: intervals for other sessions of the
same kind are wider than need be for these. Two proxies are made from the score itself, by a coin: one that is wrong in
a tenth of the sessions, and one that has nothing to do with it. They say what a proxy of known worth gives on the same
sessions and draws.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
import numpy as np

from evaluation.in_memory import DigestedSession, make_corpus
from evaluation.traces import TRACE_SETS, read_traces
from reverie.mining.comparison_group import ComparisonGroup, form_groups
from reverie.mining.implicit import telling_weights
from reverie.mining.implicit_policy import DEFAULT_WEIGHTS, implicit_outcome
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.label_draw import asked_probability, draw_sessions
from reverie.statistics.calibration import calibrate
from reverie.statistics.corpus import Codes, Corpus, Flags, Floats, form_strata
from reverie.statistics.estimate import cleared_reward, strata_design
from reverie.statistics.prediction_powered import LabelledEffect, Labels, estimate_effect, predict_scores

_SETS = ("tau-bench airline", "tau-bench retail", "Claude Code retail")
_LABELS, _SEED, _MOST_BEHAVIOURS = 30, 20_261_129, 40


class Kept(msgspec.Struct, frozen=True):
    """What came of the draws with one proxy."""

    data: str
    proxy: str
    auc: float | None
    """Of the proxy against all scores."""
    sessions: int
    behaviours: int
    told: int
    """Intervals: behaviours and draws with labels enough."""
    coverage: float
    coverage_alone: float
    width: float
    """Mean share of the width of labels alone."""
    used: float
    """Share of the intervals in which the proxy was used."""


def hidden_scores(name: str, sessions: Sequence[DigestedSession], draws: int) -> Iterator[Kept]:
    """A row for each proxy; sessions without a score are left out."""
    scored = sorted((one for one in sessions if one.reward is not None), key=lambda one: one.session.id)
    corpus = make_corpus(scored).sorted_by_code()
    strata = form_strata(corpus)
    behaviours = list(_behaviours(corpus, form_groups(corpus, strata, MiningPolicy()), strata.code, strata.variant))
    drawn = list(_draws(corpus, draws))
    for proxy, values in _proxies(scored, corpus.reward).items():
        found: list[tuple[float, LabelledEffect]] = []
        for probability, asked in drawn:
            labels = Labels(np.where(asked, corpus.reward, np.nan), probability, values[:, None])
            prediction = predict_scores(labels, strata.code)
            for shown, truth in behaviours:
                effect = estimate_effect(shown, strata.code, strata.variant, labels, prediction)
                if effect is not None:
                    found.append((truth, effect))
        if found:
            auc = calibrate(values, corpus.reward, strata.code).auc
            yield _row(name, proxy, None if auc is None else auc.value, len(scored), len(behaviours), found)


def _row(
    name: str, proxy: str, auc: float | None, sessions: int, behaviours: int, found: list[tuple[float, LabelledEffect]]
) -> Kept:
    return Kept(
        data=name,
        proxy=proxy,
        auc=auc,
        sessions=sessions,
        behaviours=behaviours,
        told=len(found),
        coverage=float(np.mean([effect.low <= truth <= effect.high for truth, effect in found])),
        coverage_alone=float(np.mean([effect.alone[1] <= truth <= effect.alone[2] for truth, effect in found])),
        width=float(np.mean([effect.width for _, effect in found])),
        used=float(np.mean([effect.proxy_weight > 0 for _, effect in found])),
    )


def _behaviours(
    corpus: Corpus, groups: Sequence[ComparisonGroup], stratum: Codes, variant: Codes
) -> Iterator[tuple[Flags, float]]:
    """Behaviours anywhere in a session, who showed each, and its effect by all scores; the best informed first."""
    n = len(corpus.session_ids)
    design = strata_design(np.arange(n), stratum, variant)
    known: list[tuple[float, Flags, float]] = []
    for group in groups:
        if not group.sessions.all():
            continue
        for hypothesis in group.hypotheses:
            shown: Flags = np.zeros(n, np.bool_)
            shown[corpus.entry_session[corpus.entries_of(hypothesis.code)]] = True
            coefficient = cleared_reward(design, shown.astype(np.float64))
            size = float((coefficient**2).sum())
            if size >= 2 * MiningPolicy().least_weight:
                known.append((size, shown, float((coefficient * corpus.reward).sum()) / size))
    known.sort(key=lambda one: -one[0])
    for _, shown, effect in known[:_MOST_BEHAVIOURS]:
        yield shown, effect


def _draws(corpus: Corpus, draws: int) -> Iterator[tuple[Floats, Flags]]:
    """Probabilities and who was asked, by the design that asks a person (``outcomes/label_draw.py``)."""
    keyed = list(enumerate(corpus.session_ids))
    for number in range(draws):
        drawn = draw_sessions(keyed, corpus.task, corpus.task, f"{_SEED}-{number}")
        lowest = sorted(one.priority for one in drawn)[_LABELS]
        chances = [asked_probability(one.size, one.priority, lowest) for one in drawn]
        asked: Flags = np.array([chance is not None for chance in chances], np.bool_)
        yield np.array([chance or 1.0 for chance in chances], np.float64), asked


def _proxies(sessions: Sequence[DigestedSession], reward: Floats) -> dict[str, Floats]:
    traces = [one.digest.trace for one in sessions]
    weights = telling_weights(traces, DEFAULT_WEIGHTS)
    generator = np.random.default_rng(_SEED)
    n = len(reward)
    return {
        "implicit outcome": np.array([implicit_outcome(trace, weights) for trace in traces], np.float64),
        "made: wrong in 10 %": np.where(generator.random(n) < 0.1, 1 - reward, reward),
        "made: noise": generator.normal(size=n),
    }


def table(rows: Sequence[Kept]) -> str:
    """The rows in Markdown."""
    lines = [
        "| data | proxy | AUC | labels / sessions | behaviours | coverage | labels alone | width ÷ alone | used |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        auc = "–" if row.auc is None else f"{row.auc:.2f}"
        lines.append(
            f"| {row.data} | {row.proxy} | {auc} | {_LABELS} / {row.sessions} | {row.behaviours} | {row.coverage:.1%} "
            f"| {row.coverage_alone:.1%} | {row.width:.2f} | {row.used:.0%} |"
        )
    return "\n".join(lines)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of the data.")
@click.option("--draws", type=click.IntRange(min=1), default=400, show_default=True, help="Draws of 30 labels.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(data: Path, draws: int, as_json: bool) -> None:
    """Print how often intervals from 30 labels hold the estimate from all scores, and how wide they are."""
    rows: list[Kept] = []
    for traces in TRACE_SETS:
        if traces.name in _SETS and (read := read_traces(traces, data)) is not None:
            rows += hidden_scores(traces.name, read.sessions, draws)
    click.echo(msgspec.json.encode(rows) if as_json else table(rows))


if __name__ == "__main__":
    main()
