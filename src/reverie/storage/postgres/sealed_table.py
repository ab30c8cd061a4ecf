"""The tables that seals cover, and the canonical text of a row of each.

A row's canonical text is a JSON object of the columns listed here, printed as PostgreSQL prints ``jsonb``: shorter keys
first, then by their bytes, one space after each colon and comma, times in UTC. Its SHA-256 is written with the row, by
a trigger that the table's migration makes. Columns that are not listed may change; listed ones never do, but for what
is lawfully erased.
"""

import msgspec

AUDIT_LOG = "audit_log"


class SealedTable(msgspec.Struct, frozen=True):
    """A table whose rows are added, never changed."""

    name: str
    columns: tuple[str, ...]
    """Of the canonical text; the first one numbers the rows in the order in which they were added."""
    key: tuple[str, ...]
    """The columns that a person knows a row by."""
    blanked: str = "false"
    """An SQL condition: a row's content was erased, and the row was left."""

    @property
    def number(self) -> str:
        """The column that numbers the rows."""
        return self.columns[0]

    @property
    def text(self) -> str:
        """The canonical text of a row, in SQL."""
        fields = ", ".join(f"'{column}', \"{column}\"" for column in self.columns)
        return f"jsonb_build_object({fields})::text"

    @property
    def name_of_row(self) -> str:
        """What a person knows a row by, in SQL."""
        return f"concat_ws(' ', {', '.join(self.key)})"


def _table(name: str, columns: str, key: str, blanked: str = "false") -> SealedTable:
    return SealedTable(name, tuple(columns.split()), tuple(key.split()), blanked)


SEALED_TABLES = (
    _table(AUDIT_LOG, "number at actor action resource_id request_id details", "action resource_id"),
    _table(
        "store_revisions",
        "entry memory_store_id number act actor reason source_session_ids created_at",
        "memory_store_id number",
    ),
    _table(
        "memory_versions",
        "entry salt id memory_store_id memory_id operation path content content_sha256 content_size_bytes created_by"
        " created_at revision reason tier lesson_id",
        "id",
        "redacted_at IS NOT NULL AND content IS NULL AND path IS NULL",
    ),
    _table("agent_versions", "entry agent_id version definition created_at", "agent_id version"),
    _table(
        "trial_decisions",
        "number id trial_id at act by reason numbers revision_before revision_after note",
        "trial_id id",
    ),
    _table("rules", "entry agent_id version document created_at", "agent_id version"),
    _table("charters", "entry agent_id version document created_at", "agent_id version"),
    _table("roles", "entry agent_id version document created_at", "agent_id version"),
    _table(
        "charter_alarms", "number id charter_agent_id version agent behaviour act numbers session_id at", "id behaviour"
    ),
    _table("agent_bounds", "entry agent_id version bounds created_at created_by", "agent_id version"),
    _table(
        "deployment_runs",
        "entry id deployment_id agent_id agent_version scheduled_at session_id error created_at",
        "id",
    ),
)
"""A further history joins by a line here, and by a migration that gives it the columns and the trigger."""
