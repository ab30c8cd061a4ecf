"""One exercise for every method of the SDK, by the method's path."""

from collections.abc import Awaitable, Callable, Mapping

from tests.conformance.exercises import (
    agents,
    deployments,
    dreams,
    environments,
    files,
    memory_stores,
    sessions,
    skills,
    vaults,
    webhooks,
    work,
)
from tests.conformance.world import World

Exercise = Callable[[World], Awaitable[None]]

EXERCISES: Mapping[str, Exercise] = {
    **agents.EXERCISES,
    **environments.EXERCISES,
    **work.EXERCISES,
    **sessions.EXERCISES,
    **memory_stores.EXERCISES,
    **dreams.EXERCISES,
    **deployments.EXERCISES,
    **files.EXERCISES,
    **skills.EXERCISES,
    **vaults.EXERCISES,
    **webhooks.EXERCISES,
}
"""Each calls the method that it is named by, on a world of which it knows nothing."""
