"""Files and skills.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE files (
    id text PRIMARY KEY,
    filename text NOT NULL,
    mime_type text NOT NULL,
    size_bytes bigint NOT NULL,
    -- The session that made it, of a file that a session made.
    session_id text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);
CREATE INDEX files_by_creation ON files (created_at, id);
CREATE INDEX files_by_session ON files (session_id, created_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE file_chunks (
    file_id text NOT NULL REFERENCES files ON DELETE CASCADE,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (file_id, number)
);
-- Uncompressed: most files are compressed already, and pieces are read whole.
ALTER TABLE file_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE skills (
    id text PRIMARY KEY,
    name text NOT NULL CONSTRAINT skills_name_is_taken_once UNIQUE,
    display_name text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX skills_by_creation ON skills (created_at, id);
CREATE TABLE skill_versions (
    id text PRIMARY KEY,
    skill_id text NOT NULL REFERENCES skills ON DELETE CASCADE,
    description text NOT NULL,
    archive bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (skill_id, created_at)
);
ALTER TABLE skill_versions ALTER COLUMN archive SET STORAGE EXTERNAL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
