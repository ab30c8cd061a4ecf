"""Digests gain text signals, a vector of the opening, and the order of tool actions.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The defaults serve digests of an earlier version, which are made again before anything reads these columns.
SCHEMA = """
ALTER TABLE digests
    ADD COLUMN intent text NOT NULL DEFAULT '',
    ADD COLUMN sentiment_first real,
    ADD COLUMN sentiment_last real,
    ADD COLUMN sentiment_lowest real,
    ADD COLUMN user_turns integer NOT NULL DEFAULT 0,
    ADD COLUMN questions integer NOT NULL DEFAULT 0,
    ADD COLUMN confirmations integer NOT NULL DEFAULT 0,
    ADD COLUMN fallbacks integer NOT NULL DEFAULT 0,
    ADD COLUMN escalations integer NOT NULL DEFAULT 0,
    ADD COLUMN hand_offs integer NOT NULL DEFAULT 0,
    ADD COLUMN threads integer NOT NULL DEFAULT 0,
    -- Little-endian float16; vectors of different embedders cannot be compared.
    ADD COLUMN vector bytea,
    ADD COLUMN embedder text,
    -- Little-endian int32 behaviours.code of each tool action in order, the first 300.
    ADD COLUMN actions bytea NOT NULL DEFAULT '';
-- Compressed vectors and codes save nothing and cost time.
ALTER TABLE digests ALTER COLUMN vector SET STORAGE EXTERNAL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
