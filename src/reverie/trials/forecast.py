"""How long a trial will take, and what it can see, said before it is begun."""

from datetime import timedelta

import msgspec

from reverie.statistics.confidence_sequence import half_width
from reverie.trials.policy import LivePolicy

WINDOW = timedelta(days=28)
"""Traffic is foreseen from the sessions of so long."""
_DAYS_A_MONTH = 30.4
_ALPHA = 0.05
_SPREAD = 0.45
"""Standard deviation of rewards about what was foretold of them; that of 0/1 rewards is 0.5 at most."""


class Forecast(msgspec.Struct, frozen=True):
    """What a trial can be expected to see."""

    sessions_a_month: float
    """Eligible ones."""
    within_horizon: float
    """Eligible sessions until the horizon's days are over."""
    months_to_horizon: float | None
    """Until the horizon's exposures; None where no session comes."""
    months_to_go: float
    """Until the horizon's exposures or its days, whichever is first."""
    visible_effect: float | None
    """The least effect, in reward, whose interval would be clear of zero at the horizon."""


def foresee(
    sessions_in_window: float, policy: LivePolicy, *, done: int = 0, days: int = 0, share: float | None = None
) -> Forecast:
    """The forecast from the eligible sessions of the last :data:`WINDOW`.

    Args:
        done: sessions that have been seen already, in so many ``days``.
    """
    a_day = sessions_in_window / WINDOW.days
    days_left = max(policy.horizon_days - days, 0)
    within = a_day * days_left
    left = max(policy.horizon_exposures - done, 0)
    to_horizon = left / a_day / _DAYS_A_MONTH if a_day else None
    to_end = days_left / _DAYS_A_MONTH
    return Forecast(
        sessions_a_month=a_day * _DAYS_A_MONTH,
        within_horizon=within,
        months_to_horizon=to_horizon,
        months_to_go=to_end if to_horizon is None else min(to_horizon, to_end),
        visible_effect=visible_effect(
            min(done + int(within), policy.horizon_exposures), policy.shares[-1].share if share is None else share
        ),
    )


def visible_effect(sessions: int, share: float) -> float | None:
    """Half the width of the interval after so many sessions; None where there are too few for one."""
    if sessions < 2:
        return None
    return min(half_width(sessions, _SPREAD**2 / (share * (1 - share)), _ALPHA, sessions), 1.0)


def has_traffic(forecast: Forecast, policy: LivePolicy) -> bool:
    """Whether a trial is worth beginning."""
    return forecast.within_horizon >= policy.least_exposures


def told_low_traffic(forecast: Forecast, policy: LivePolicy) -> str:
    """What is said where no trial is begun."""
    a_month = f"about {forecast.sessions_a_month:.0f} eligible sessions a month"
    months = policy.horizon_days / _DAYS_A_MONTH
    seen = visible_effect(int(forecast.within_horizon), 1 - policy.low_traffic_hidden_share)
    if seen is None or seen >= 1:
        return f"{a_month}: too few for a live trial to tell anything within {months:.0f} months"
    return f"{a_month}: within {months:.0f} months only effects beyond {seen:.2f} in reward can be seen"
