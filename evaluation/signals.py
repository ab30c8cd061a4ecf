"""How well each signal of a session predicts the score that was hidden from it.

    python -m evaluation.signals --data FOLDER [--json]

Scores are used for nothing but the comparison. An area under the curve (AUC) of 0.5 says nothing about the score, 1
everything; above 0.5 where the signal's better direction goes with the better score. The interval is a bootstrap over
tasks, whose sessions go together. "Within tasks" compares sessions of one task only, where tasks were run repeatedly.
"""

import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from evaluation.in_memory import DigestedSession, digest_sessions
from evaluation.traces import TRACE_SETS, read_traces
from reverie.digests.derived.occurrence import Trace
from reverie.digests.derived.signal import SIGNALS, goodness, value_of
from reverie.ids import event_id
from reverie.mining.implicit import telling_weights
from reverie.mining.implicit_policy import DEFAULT_WEIGHTS, implicit_outcome
from reverie.outcomes.metric import REWARD_METRIC
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Score, Session, Transcript
from reverie.statistics.corpus import Floats, Ints
from reverie.statistics.distributions import average_ranks

_DRAWS, _SEED = 2_000, 20_260_129
_SETS = ("tau-bench airline", "tau-bench retail", "Claude Code retail")
_JAVA = "multi-swe-java"


class Prediction(msgspec.Struct, frozen=True):
    """How a signal goes with the hidden score in one set of sessions."""

    data: str
    signal: str
    sessions: int
    """In which the signal is known."""
    share: float
    """Of these, how many show it."""
    auc: float
    low: float
    high: float
    within: float | None
    """The same among sessions of one task; None where no task has sessions of both scores."""


def predictions(name: str, sessions: Sequence[DigestedSession]) -> Iterator[Prediction]:
    """A row for each signal that differs between the scored sessions, and one for the implicit outcome of them all."""
    scored = [each for each in sessions if each.reward is not None]
    success = np.array([(each.reward or 0.0) >= 0.5 for each in scored], np.float64)
    tasks = np.unique([each.session.task_id or each.session.id for each in scored], return_inverse=True)[1]
    traces = [each.digest.trace for each in scored]
    weights = telling_weights(traces, DEFAULT_WEIGHTS)
    measures: dict[str, Callable[[Trace], tuple[float, float]]] = {
        **{signal: _measure(signal) for signal in SIGNALS},
        "implicit_outcome": lambda trace: (implicit_outcome(trace, weights), 1.0),
    }
    for signal, measure in measures.items():
        goods, shown = np.array([measure(trace) for trace in traces], np.float64).T
        known = np.isfinite(goods)
        goods, y, task = goods[known], success[known], tasks[known]
        if len(np.unique(goods)) < 2 or len(np.unique(y)) < 2:
            continue
        low, high = _interval(goods, y, task)
        yield Prediction(
            name,
            signal,
            int(known.sum()),
            float(shown[known].mean()),
            _auc(goods, y),
            low,
            high,
            _within(goods, y, task),
        )


def _measure(name: str) -> Callable[[Trace], tuple[float, float]]:
    """The signal's goodness and whether it shows; NaN where it is unknown."""
    signal = SIGNALS[name]

    def measure(trace: Trace) -> tuple[float, float]:
        value = value_of(signal, trace)
        return (np.nan, np.nan) if value is None else (goodness(signal, value), float(value != 0))

    return measure


def _auc(goods: Floats, success: Floats) -> float:
    """The chance that a success has the better signal than a failure, ties half (Mann & Whitney 1947)."""
    positive = success.sum()
    negative = len(success) - positive
    if positive == 0 or negative == 0:
        return float("nan")
    return float((average_ranks(goods)[success > 0].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _interval(goods: Floats, success: Floats, task: Ints) -> tuple[float, float]:
    """The 95 % interval by a bootstrap over tasks (Efron 1979; clusters by Field & Welsh 2007)."""
    generator = np.random.default_rng(_SEED)
    members = [np.flatnonzero(task == each) for each in np.unique(task)]
    found = []
    for _ in range(_DRAWS):
        drawn = np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])
        found.append(_auc(goods[drawn], success[drawn]))
    low, high = np.nanquantile(found, (0.025, 0.975))
    return float(low), float(high)


def _within(goods: Floats, success: Floats, task: Ints) -> float | None:
    better = pairs = 0.0
    for each in np.unique(task):
        good, bad = goods[(task == each) & (success > 0)], goods[(task == each) & (success == 0)]
        difference = good[:, None] - bad[None, :]
        better += float((difference > 0).sum() + 0.5 * (difference == 0).sum())
        pairs += difference.size
    return better / pairs if pairs else None


def read_java(data: Path) -> list[DigestedSession] | None:
    """SWE-agent's sessions on Java issues with their results; None where the files are absent.

    Sessions of a model of which only one instance was judged have no score.
    """
    sessions: list[DigestedSession] = []
    for archive in sorted((data / _JAVA).glob("*.tar.gz")):
        with tarfile.open(archive) as files:
            told = {name: json for name in files.getnames() for json in _json(files, name)}
        results = next(value for name, value in told.items() if name.endswith("results/results.json"))
        resolved = set(results["resolved"])
        judged = resolved | set(results["unresolved_ids"])
        for name, trajectory in told.items():
            instance = Path(name).stem
            if name.endswith(".traj") and instance in judged and len(judged) > 1:
                session = Session(f"{archive.name}/{instance}", "swe-agent", task_id=instance)
                score = Score(REWARD_METRIC, float(instance in resolved))
                sessions += digest_sessions([Transcript(session, tuple(_events(session.id, trajectory)), (score,))])
    return sessions or None


def _json(files: tarfile.TarFile, name: str) -> Iterator[Any]:
    member = files.extractfile(name) if name.endswith((".traj", "results.json")) else None
    if member is not None:
        yield msgspec.json.decode(member.read())


def _events(session_id: str, trajectory: Any) -> Iterator[Event]:
    """A trajectory as events; nothing imports such files yet. What was submitted is the last action."""
    yield Event("user.message", {"content": text_content("Please fix the issue.")})
    for number, step in enumerate(trajectory["trajectory"]):
        link = event_id(session_id, 1 + 2 * number)
        yield Event("agent.tool_use", {"name": "bash", "input": {"command": step["action"]}})
        yield Event("agent.tool_result", {"tool_use_id": link, "content": text_content(step["observation"] or "")})


def all_predictions(data: Path) -> list[Prediction]:
    """The rows of every set that is there."""
    rows: list[Prediction] = []
    for traces in TRACE_SETS:
        if traces.name in _SETS and (read := read_traces(traces, data)) is not None:
            rows += predictions(traces.name, read.sessions)
    java = read_java(data)
    return rows + list(predictions("SWE-agent Java", java)) if java else rows


def table(rows: Sequence[Prediction]) -> str:
    """The rows in Markdown; a set without a row has no signal that differs between its sessions."""
    lines = [
        "| data | signal | known in | shows in | AUC (95 %) | within tasks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    by_data: dict[str, list[Prediction]] = defaultdict(list)
    for row in rows:
        by_data[row.data].append(row)
    for data, own in by_data.items():
        for row in own:
            within = "–" if row.within is None else f"{row.within:.2f}"
            lines.append(
                f"| {data} | `{row.signal}` | {row.sessions} | {row.share:.0%} | "
                f"{row.auc:.2f} ({row.low:.2f} to {row.high:.2f}) | {within} |"
            )
    return "\n".join(lines)


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of the data.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(data: Path, as_json: bool) -> None:
    """Print each signal's AUC against the hidden score."""
    rows = all_predictions(data)
    click.echo(msgspec.json.encode(rows) if as_json else table(rows))


if __name__ == "__main__":
    main()
