"""What requests that are under way may cost at most, so that threads side by side do not overshoot a budget.

Revision ID: 0025
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

SCHEMA = """
-- Counts while the request that it was written for has no end in the log.
CREATE TABLE reservations (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    thread_id text NOT NULL, -- '' is the session's own thread
    usd double precision NOT NULL CHECK (usd >= 0),
    PRIMARY KEY (session_key, thread_id)
);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
