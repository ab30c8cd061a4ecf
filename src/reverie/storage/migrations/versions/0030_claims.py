"""Claims of turns are numbered: a process that claims its own lapsed turn again must not be two holders of one lease.

Revision ID: 0030
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE SEQUENCE turn_claims;
ALTER TABLE turn_leases ADD COLUMN claim bigint NOT NULL DEFAULT 0; -- the number of the claim that stands
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
