"""The values that sessions gave a setting: what a finding about one of them is compared with."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from reverie.mining.decision import SETTING
from reverie.mining.finding import Hypothesis, Setting
from reverie.statistics.corpus import Corpus, Flags, Ints, Strata, first_steps

_MOST_OTHERS = 3
_MOST_SEEN = 20


def setting_of(corpus: Corpus, strata: Strata, sessions: Ints, hypothesis: Hypothesis) -> Setting | None:
    """What ``sessions`` gave the setting that the hypothesis speaks of; None where it speaks of none.

    Other values are counted in strata that also hold sessions with this one, as only those are compared.
    """
    if hypothesis.name.family != SETTING:
        return None
    setting = hypothesis.name.argument
    parameter, value = setting.parameter, setting.value
    alike = (
        (code, name.name.argument)
        for code, name in enumerate(corpus.names)
        if name.name.family == SETTING and name.situation == hypothesis.situation
    )
    codes = {other.value: code for code, other in alike if other.parameter == parameter}
    given = {label: first_steps(corpus, code)[sessions] >= 0 for label, code in codes.items()}
    having = given[value]
    comparable = np.isin(strata.code[sessions], strata.code[sessions[having]]) & ~having
    seen = _by_count(given, np.ones(len(sessions), np.bool_))
    numbers = _numbers(seen)
    return Setting(
        parameter=parameter,
        value=value,
        others=tuple(_by_count({label: flags for label, flags in given.items() if label != value}, comparable))[
            :_MOST_OTHERS
        ],
        seen=tuple(seen[:_MOST_SEEN]),
        low=min(numbers) if numbers else None,
        high=max(numbers) if numbers else None,
    )


def _by_count(given: dict[str, Flags], among: Flags) -> list[str]:
    counts = Counter({label: int((flags & among).sum()) for label, flags in given.items()})
    return sorted((label for label, count in counts.items() if count), key=lambda label: (-counts[label], label))


def _numbers(values: Sequence[str]) -> list[float]:
    """The values as numbers; nothing unless all are."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return []
