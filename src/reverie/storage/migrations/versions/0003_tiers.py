"""Tiers, use and confirmation of memories; policies of stores; the index of terms in packed blocks.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Indexes are made again when a store is next read or written: its index_version is not yet the program's.
SCHEMA = """
ALTER TABLE memory_stores
    ADD COLUMN policy jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN index_version integer NOT NULL DEFAULT 0,
    ADD COLUMN last_number bigint NOT NULL DEFAULT 0;

ALTER TABLE memories
    ADD COLUMN tier text NOT NULL DEFAULT 'intermediate' CHECK (tier IN ('short', 'intermediate', 'long')),
    ADD COLUMN tier_since timestamptz,
    ADD COLUMN number bigint NOT NULL DEFAULT 0,
    ADD COLUMN term_count integer NOT NULL DEFAULT 0;
UPDATE memories SET tier_since = created_at;
ALTER TABLE memories ALTER COLUMN tier_since SET NOT NULL;
CREATE INDEX memories_by_number ON memories (memory_store_id, number);

ALTER TABLE memory_versions
    ADD COLUMN tier text NOT NULL DEFAULT 'intermediate' CHECK (tier IN ('short', 'intermediate', 'long'));

DROP TABLE memory_terms;
-- Packed (number, occurrences, length), eight bytes each: far smaller and faster to read than a row for each.
CREATE TABLE memory_postings (
    memory_store_id text COLLATE "C" NOT NULL REFERENCES memory_stores ON DELETE CASCADE,
    term text COLLATE "C" NOT NULL,
    first_number bigint NOT NULL,
    postings bytea STORAGE PLAIN NOT NULL,
    PRIMARY KEY (memory_store_id, term, first_number)
);

CREATE TABLE memory_uses (
    memory_id text PRIMARY KEY REFERENCES memories ON DELETE CASCADE,
    use_count bigint NOT NULL,
    first_at timestamptz NOT NULL,
    recent timestamptz[] NOT NULL
);

-- By path, so that a lesson that went and came back keeps its record.
CREATE TABLE memory_confirmations (
    memory_store_id text NOT NULL REFERENCES memory_stores ON DELETE CASCADE,
    path text COLLATE "C" NOT NULL,
    source text NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL CHECK (ended_at >= began_at),
    strata text[] NOT NULL,
    PRIMARY KEY (memory_store_id, path, source)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
