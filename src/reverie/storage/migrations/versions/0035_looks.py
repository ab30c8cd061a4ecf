"""What people look at is found by an index: an agent's latest sessions, and acts by who did them.

Revision ID: 0035
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE INDEX live_sessions_of_agent ON live_sessions (agent_id, session_key);
CREATE INDEX audit_log_by_actor ON audit_log
    ((coalesce(actor ->> 'api_key_id', actor ->> 'session_id', actor ->> 'name')), number);
CREATE INDEX audit_log_by_action ON audit_log (action, number);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
