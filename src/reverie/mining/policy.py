"""What counts as found: the thresholds of mining, with their units and defaults."""

import msgspec


class MiningPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of a dream's mining."""

    least_effect: float = 0.05
    """Smallest difference in reward worth advising on (0 to 1); so for a metric, as a share of its range."""
    outcomes: tuple[str, ...] | None = None
    """What sessions are compared on besides the reward: ``seconds``, ``tokens``, ``cost_usd`` or names of metrics.
    None: those of the first three that at least half of the scored sessions have."""
    least_saving: float = 0.05
    """Smallest share of seconds, tokens or money worth advising on (0 to 1)."""
    discovery_fdr: float = 0.2
    """False discovery rate at which a pattern counts as found in the discovery part and goes on to confirmation."""
    online_fdr: float = 0.1
    """False discovery rate over all confirmations of a store's dreams together, however many there will be."""
    confirmation_fdr: float = 0.05
    """False discovery rate among the patterns tested on the part of the sessions that did not find them."""
    least_sessions: int = 10
    """Sessions that must show a behaviour, and that must not, before it is tested."""
    least_weight: float = 2.5
    """Least Σ n_with·n_without/n per part: what ten sessions in balanced pairs would give."""
    least_special_weight: float = 10.0
    """The same for a claim about a special case: what forty sessions in balanced pairs would give."""
    least_condition_sessions: int = 100
    """Scored sessions a task category needs before behaviours are compared inside it alone."""
    most_unsplit: int = 300
    """Scored sessions up to which none are kept for confirmation: one test of all sessions decides, corrected for all
    behaviours together. Beyond, what one part finds is confirmed on the other."""
    most_findings: int = 150
    """Findings fitted together; the strongest ones when there are more."""
    placebo_runs: int = 5
    """How often the mining is repeated on shuffled rewards."""
    seed: int = 20_260_101
    """Seed of the placebo's shuffles and of sampled permutation tests."""
