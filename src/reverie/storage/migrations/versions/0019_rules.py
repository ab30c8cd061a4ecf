"""Rules on tool calls: every version that was set, and where they held.

Revision ID: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE rules (
    agent_id text NOT NULL, -- '' is all agents of the workspace
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (agent_id, version)
);

CREATE TABLE rule_firings (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    sequence integer NOT NULL, -- of the event that tells of the call
    agent_id text NOT NULL, -- whose rule set it is of
    rule text NOT NULL,
    version integer NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('allow', 'ask', 'deny', 'pause', 'flag')),
    enforced boolean NOT NULL,
    PRIMARY KEY (session_key, sequence, agent_id, rule)
);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
