"""Vaults and credentials.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE vaults (
    id text PRIMARY KEY,
    display_name text NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE INDEX vaults_by_creation ON vaults (created_at, id);

CREATE TABLE vault_credentials (
    id text PRIMARY KEY,
    vault_id text NOT NULL REFERENCES vaults ON DELETE CASCADE,
    display_name text,
    metadata jsonb NOT NULL,
    mcp_server_url text NOT NULL,
    -- What may be told; the secrets are sealed, and purged by archiving.
    auth jsonb NOT NULL,
    sealed text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived_at timestamptz,
    CHECK (archived_at IS NULL OR sealed IS NULL)
);
CREATE INDEX vault_credentials_by_creation ON vault_credentials (vault_id, created_at, id);
CREATE UNIQUE INDEX vault_credentials_by_server ON vault_credentials (vault_id, mcp_server_url)
    WHERE archived_at IS NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
