"""Vaults and credentials.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = ""


def upgrade() -> None:
    if SCHEMA:
        op.execute(SCHEMA)
