"""Trials in words, for a terminal."""

from collections.abc import Sequence

from reverie.cli.trial_chart import draw_curve
from reverie.display_name import numbered, printable
from reverie.trials.numbers import in_words
from reverie.trials.report import CurvePoint, TrialReport
from reverie.trials.trial import Decision

_NOTHING = "–"


def list_row(report: TrialReport) -> tuple[str, ...]:
    """A trial as a row: id, state, effect, interval, sessions, months to go, advice."""
    numbers, forecast = report.numbers, report.forecast
    return (
        report.id,
        report.state.replace("_", " "),
        _NOTHING if numbers.effect is None else f"{numbers.effect:+.3f}",
        _NOTHING if numbers.effect is None else f"{numbers.low:+.3f} to {numbers.high:+.3f}",
        f"{numbers.sessions:,}",
        _NOTHING if forecast is None else f"{forecast.months_to_go:.1f}",
        report.title,
    )


def describe_trial(report: TrialReport, points: Sequence[CurvePoint]) -> list[str]:
    """The advice; then how its trial stands, line by line."""
    lines = [report.title, f"{report.id}, begun {_moment(report)} by {report.created_by}", "", _state(report)]
    if report.what_next:
        lines.append(f"What next: {report.what_next}")
    lines += ["", *_numbers(report)]
    if points:
        lines += ["", "Effect over sessions, in reward, with the 95 % interval that holds at every look:"]
        lines += draw_curve(points)
    if report.forecast is not None:
        lines += ["", _forecast(report)]
    if report.decisions:
        lines += ["", "Decisions", *map(_decision, report.decisions)]
    return [printable(line) for line in lines]


def _moment(report: TrialReport) -> str:
    return f"{report.created_at:%Y-%m-%d %H:%M}Z"


def _state(report: TrialReport) -> str:
    told = f": {report.reason}" if report.reason else ""
    return f"State {report.state.replace('_', ' ')} (mode {report.mode}){told}"


def _numbers(report: TrialReport) -> list[str]:
    numbers = report.numbers
    hidden, shown = numbers.missing
    shown_it = f"{numbers.shown:,} were shown it{_mean(numbers.reward_shown)}"
    lines = [
        (
            f"{numbered(numbers.sessions, 'session')}: {shown_it}, {numbers.hidden:,} were "
            f"not{_mean(numbers.reward_hidden)}"
        ),
        f"{numbers.waiting:,} are waited for; a score is missing in {shown:,} shown and {hidden:,} others",
    ]
    if numbers.effect is not None:
        lines.append(f"Effect {numbers.effect:+.3f} ({numbers.low:+.3f} to {numbers.high:+.3f}) in reward")
    lines.append(f"E-values: {in_words(numbers.e_benefit)} for a benefit, {in_words(numbers.e_harm)} for harm")
    if numbers.detector is not None:
        lines.append(f"Detector {in_words(numbers.detector)} of {report.policy.run_length:,.0f}")
    if report.contaminated:
        lines.append(f"{report.contaminated:.0%} of the sessions without it read notes of sessions with it")
    over = [f"{measure} {in_words(value)}" for measure, value in numbers.guardrails.items() if value > 1]
    if over:
        lines.append(f"Guardrails above 1: {', '.join(over)}")
    return lines


def _mean(reward: float | None) -> str:
    return "" if reward is None else f" (reward {reward:.2f})"


def _forecast(report: TrialReport) -> str:
    forecast = report.forecast
    if forecast is None:
        return ""
    seen = "" if forecast.visible_effect is None else f"; effects beyond {forecast.visible_effect:.2f} can be seen"
    months = f"{forecast.months_to_go:.1f} months to go at the most"
    return f"{forecast.sessions_a_month:,.0f} eligible sessions a month: {months}{seen}"


def _decision(decision: Decision) -> str:
    undone = f"; taken back by {decision.undone_by}" if decision.undone_by else ""
    act = decision.act.replace("_", " ")
    return f"{decision.at:%Y-%m-%d %H:%M}Z  {act} by {decision.by}: {decision.reason}{undone}"
