"""What people look at: sessions by time, the implicit outcome of each, and when a score was given.

Revision ID: 0033
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE INDEX sessions_by_time ON sessions ((coalesce(started_at, imported_at)), key);
CREATE INDEX sessions_of_others ON sessions (key) WHERE metadata ?| ARRAY['part_of', 'forked_from'];
-- By the default weights; null in digests of an earlier version, which are made again.
ALTER TABLE digests ADD COLUMN implicit double precision;
-- Read for many sessions at once; a digest's arrays are long.
CREATE INDEX digests_implicit ON digests (session_key) INCLUDE (implicit);
-- Null: before times were kept.
ALTER TABLE scores ADD COLUMN recorded_at timestamptz;
ALTER TABLE scores ALTER COLUMN recorded_at SET DEFAULT now();
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
