"""What is beyond chance and could still come from something else: a candidate, with what would settle it."""

from reverie.mining.next_step import NO_REPEATS, NO_TASK_IDS
from reverie.mining.verdicts import HypothesisResults
from reverie.statistics.corpus import Corpus, Strata, informative_strata


def next_for_repeats(corpus: Corpus) -> str:
    """What to do next where sessions of one task cannot be compared with each other."""
    named = sum(task is not None for task in corpus.task)
    return NO_REPEATS if named >= 0.8 * len(corpus.task) and named else NO_TASK_IDS


def doubt_uncontrolled(results: HypothesisResults, corpus: Corpus, strata: Strata) -> None:
    """Where nothing says which sessions attempted the same task, an association is no more than a candidate.

    Many sessions in several families of requests may take a family for a task; few sessions, or a single family that
    holds them all, may not.
    """
    few = strata.split_by == "nothing" or informative_strata(strata, corpus.reward) <= 1
    if strata.same_task or not few:
        return
    why = "the sessions have no task ids" if next_for_repeats(corpus) == NO_TASK_IDS else "tasks were run about once"
    for i in results.adopted():
        effect = results.outcome.format_effect(float(results.discovery.effect[i]))
        reason = (
            f"a strong association ({effect}; {results.verdicts[i][1]}), but {why}, so what was asked for may have "
            f"caused both; to settle it, {next_for_repeats(corpus)}, or try it in a live trial"
        )
        results.verdicts[i] = ("candidate", reason)


def doubt_zero(results: HypothesisResults) -> None:
    """What passes its test while the interval that is quoted holds zero is no more than a candidate.

    Test and interval take their errors from different models (none against some effect; few or many users), so that the
    two may disagree; a reader could not tell which to believe.
    """
    for i in results.adopted():
        discovery, confirmation = results.quoted(i)
        deciding = confirmation or discovery
        if deciding is not None and deciding.low <= 0 <= deciding.high:
            reason = (
                f"{results.verdicts[i][1]}, but the interval of its effect holds zero; more tasks or runs would tell"
            )
            results.verdicts[i] = ("candidate", reason)
