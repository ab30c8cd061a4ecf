"""What came of questions that a coordinator put to several agents at once.

Revision ID: 0037
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE cross_checks (
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    id text NOT NULL, -- of the event that asked for it
    question_sha256 text NOT NULL,
    family text NOT NULL, -- the session's task_category; '' where there is none
    members jsonb NOT NULL, -- names of agents
    answers_sha256 text[] NOT NULL, -- in their normal form, the most frequent first
    agreeing smallint NOT NULL, -- with the winner; 0 where there is none
    asked smallint NOT NULL,
    settled_by text NOT NULL CHECK (settled_by IN ('vote', 'judge', 'none')),
    models text[] NOT NULL, -- of those who agreed with the winner, sorted
    winner smallint, -- in answers_sha256, from 1
    PRIMARY KEY (session_key, id)
);
CREATE INDEX cross_checks_by_agreement ON cross_checks (models, agreeing, asked, settled_by);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
