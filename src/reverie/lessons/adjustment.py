"""From a finding about a setting to a change of it: from which value to which, within what range."""

from reverie.digests.behaviour_name import read_parameter
from reverie.lessons.lesson import Adjustment
from reverie.mining.finding import Setting

_VALUES_NAMED = 6


def adjust(setting: Setting, *, positive: bool) -> Adjustment:
    """The change a finding asks for: to its value where that helps, from it to the commonest other where it harms."""
    other = setting.others[0] if setting.others else None
    before, to = (other, setting.value) if positive else (setting.value, other)
    return Adjustment(setting.parameter, before, to, setting.low, setting.high, setting.seen)


def advise(adjustment: Adjustment, *, positive: bool) -> str:
    """The change in words, to be read on after "when …", without a full stop.

    ``positive`` says whether the evidence is for the value to give; else it is against the one to leave.
    """
    argument = read_parameter(adjustment.parameter)
    tool, field = argument.tool, argument.field
    before, to, most_used = adjustment.before, adjustment.to, " (most used otherwise)"
    if before is None:
        act = f"set `{field}` to `{to}` when calling `{tool}`; others leave it unset"
    elif to is None:
        act = f"do not set `{field}` to `{before}` when calling `{tool}`; others leave it unset"
    elif positive:
        act = f"change `{field}` from `{before}`{most_used} to `{to}` when calling `{tool}`"
    else:
        act = f"change `{field}` from `{before}` to `{to}`{most_used} when calling `{tool}`"
    return f"{act}{_seen(adjustment)}"


def _seen(adjustment: Adjustment) -> str:
    if len(adjustment.seen) < 2:
        return ""
    if adjustment.low is not None and adjustment.high is not None:
        return f"; seen between {adjustment.low:g} and {adjustment.high:g}"
    more = ", …" if len(adjustment.seen) > _VALUES_NAMED else ""
    return f"; seen: {', '.join(f'`{value}`' for value in adjustment.seen[:_VALUES_NAMED])}{more}"
