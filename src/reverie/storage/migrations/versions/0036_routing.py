"""Delegations of sessions, and what routers have learned of them.

Revision ID: 0036
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

SCHEMA = """
-- What one agent of a session asked of another: the fold of its events, without their texts.
CREATE TABLE delegations (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    number integer NOT NULL, -- in the order of asking, from 0
    coordinator text NOT NULL, -- the id of a live session's agent, or the name that an imported session bears
    from_thread text, -- NULL is the session's own
    to_thread text NOT NULL,
    agent text NOT NULL,
    family text NOT NULL, -- of the task; '' is not known
    brief_parts text[] NOT NULL,
    chosen_by text NOT NULL CHECK (chosen_by IN ('model', 'router')),
    chances jsonb, -- the probability of each agent of the roster, where a router drew
    policy_version integer,
    status text NOT NULL CHECK (status IN ('reported', 'failed', 'open')),
    calls integer NOT NULL,
    errors integer NOT NULL,
    tokens bigint NOT NULL,
    cost_usd double precision,
    seconds double precision,
    asked_at timestamptz,
    PRIMARY KEY (session_key, number),
    CHECK ((chosen_by = 'router') = (chances IS NOT NULL AND policy_version IS NOT NULL))
);
CREATE INDEX delegations_by_coordinator ON delegations (coordinator, chosen_by);

-- Sessions whose delegations are there, if only none; one that grew since is read again.
CREATE TABLE delegation_reads (
    session_key bigint PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    event_count integer NOT NULL,
    fold integer NOT NULL -- version of the code that read it
);

CREATE TABLE routing_policies (
    agent_id text PRIMARY KEY, -- the coordinator
    version integer NOT NULL CHECK (version > 0),
    policy jsonb NOT NULL,
    learned_from text NOT NULL, -- a digest of the outcomes and rules that it was made of
    learned_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
