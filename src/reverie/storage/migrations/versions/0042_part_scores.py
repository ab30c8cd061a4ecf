"""Scores of parts of a session, and what routers know by the rules that it was learned by.

Revision ID: 0042
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE part_scores (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    part text NOT NULL, -- the thread of an agent that was called in, or the event that asked for a cross-check
    metric text NOT NULL,
    value double precision NOT NULL,
    source text NOT NULL DEFAULT '', -- who gave it, as in scores
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_key, part, metric)
);

-- Versions of one agent that are tried against each other may learn by other rules.
ALTER TABLE routing_policies ADD COLUMN learned_by text NOT NULL DEFAULT ''; -- forgetting, weights of cost and seconds
UPDATE routing_policies SET learned_by = concat_ws(' ',
    coalesce((policy -> 'rules' ->> 'forgetting')::float8, 0.997),
    coalesce((policy -> 'rules' ->> 'cost_weight')::float8, 0),
    coalesce((policy -> 'rules' ->> 'seconds_weight')::float8, 0));
ALTER TABLE routing_policies ALTER COLUMN learned_by DROP DEFAULT, DROP CONSTRAINT routing_policies_pkey,
    ADD PRIMARY KEY (agent_id, learned_by);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
