"""What an erasure does with each table; a test holds it equal to the schema, so that no new table is forgotten."""

from typing import Literal

from reverie.storage.erasure.sessions import OF_A_SESSION
from reverie.storage.postgres.schema import VERSION_TABLE

Treatment = Literal[
    "goes with its session", "deleted by id", "told anew or blanked", "numbers and ids alone", "not of sessions"
]

_BY_ID = (
    *("received_spans", "received_traces", "received_conversations", "received_sessions", "session_renumberings"),
    *("files", "file_chunks", "webhook_deliveries", "api_keys"),
)
_TOLD_ANEW = (
    *("behaviours", "lessons", "dreams", "trials", "grades", "briefings"),
    *("memories", "memory_versions", "memory_postings", "memory_uses", "memory_confirmations"),
    "routing_policies",  # made anew of the outcomes that are left, by the next pass over them
)
# Of sessions, but without anything that they said: what was counted was counted, what was done was done.
_NUMBERS = (
    *(
        "audit_log",
        "audit_seals",
        "erased_rows",
        "erasures",
        "store_revisions",
        "memory_stores",
        "confirmation_streams",
    ),
    *("trial_decisions", "charter_judgements", "charter_watches", "charter_alarms", "deployment_runs"),
    # An item stays marked as brought, so that the next pull does not bring it again.
    "pulled",
)
# Written by people and programs, or about this installation. What names a user there is told in the report.
_NOT_OF_SESSIONS = (
    *("installation", "workspaces", VERSION_TABLE, "metrics", "agents", "agent_versions", "agent_bounds"),
    *("self_changes", "environments", "deployments", "vaults", "vault_credentials", "skills", "skill_versions"),
    *("teams", "team_members", "private_stores"),
    *("webhook_endpoints", "work_pollers", "dream_schedules", "rules", "charters", "roles", "label_frames"),
)

TREATMENTS: dict[str, Treatment] = {
    "sessions": "goes with its session",
    "work_items": "goes with its session",
    **dict.fromkeys(OF_A_SESSION, "goes with its session"),
    **dict.fromkeys(_BY_ID, "deleted by id"),
    **dict.fromkeys(_TOLD_ANEW, "told anew or blanked"),
    **dict.fromkeys(_NUMBERS, "numbers and ids alone"),
    **dict.fromkeys(_NOT_OF_SESSIONS, "not of sessions"),
}
"""By table of a workspace, and of the installation."""
