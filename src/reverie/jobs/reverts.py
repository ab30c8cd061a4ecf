"""A change of an agent taken back by one call, whatever its trial says."""

from datetime import datetime

from reverie.errors import ConflictError, InputError, StateError
from reverie.jobs.trials import decide, undo
from reverie.storage.live.self_changes import SelfChangeRow, read_change, require_revertible
from reverie.storage.live.trials import read_trial
from reverie.storage.postgres.database import Connection
from reverie.trials.trial import OPEN


async def revert(connection: Connection, agent_id: str, change_id: str, by: str, now: datetime) -> SelfChangeRow:
    """Take a change back: an adopted one by a new version, one in trial by ending it.

    Raises:
        NotFoundError: there is no such agent or change.
        StateError: it was refused or taken back before.
        ConflictError: a part of it was changed again since.
    """
    change = await read_change(connection, agent_id, change_id)
    trial = await read_trial(connection, change.trial_id, lock=True)
    change = await read_change(connection, agent_id, change_id)
    note = f"reverted by {by}"
    if change.in_force:
        try:
            await require_revertible(connection, change)
        except InputError as error:
            raise ConflictError(f"change {change_id} cannot be taken back as a whole: {error}") from error
        if trial.state in (*OPEN, "frozen"):
            await decide(connection, trial.id, "roll_back", by, now, note=note)
        else:
            await undo(connection, trial.id, by, now)
    elif trial.state in (*OPEN, "frozen"):
        await decide(connection, trial.id, "reject", by, now, note=note)
    else:
        raise StateError(f"change {change_id} is not in force ({trial.state}): {trial.reason}")
    return await read_change(connection, agent_id, change_id)
