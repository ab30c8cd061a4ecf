"""Few labels: who gave a score and how likely it was asked for, sessions to be labelled, and grades of history.

Revision ID: 0022
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SCHEMA = """
-- '' is whoever wrote the score before sources were kept: an import, a program, a person.
ALTER TABLE scores ADD COLUMN source text NOT NULL DEFAULT '';
-- That a design chose the session to be scored; null: no design did.
ALTER TABLE scores ADD COLUMN probability double precision CHECK (probability > 0 AND probability <= 1);

-- The sessions that labels stand for: one frame for a metric and a condition.
CREATE TABLE label_frames (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    metric text NOT NULL,
    condition text NOT NULL, -- '' is every session
    made_at timestamptz NOT NULL,
    UNIQUE (metric, condition)
);

-- Every session of a frame, asked for in the order of priority; see reverie.outcomes.label_draw.
CREATE TABLE label_tasks (
    frame_key bigint NOT NULL REFERENCES label_frames ON DELETE CASCADE,
    session_key bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    size double precision NOT NULL CHECK (size > 0),
    priority double precision NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'skipped')),
    answered_at timestamptz,
    PRIMARY KEY (frame_key, session_key)
);
CREATE INDEX label_tasks_by_priority ON label_tasks (frame_key, priority) WHERE state = 'open';
CREATE INDEX label_tasks_by_session ON label_tasks (session_key);

-- What graders said of what they were shown, by its hash: the same content is not asked about twice.
CREATE TABLE grades (
    content_sha256 text NOT NULL,
    rubric_sha256 text NOT NULL,
    grader text NOT NULL, -- provider:model, or grader:NAME
    state text NOT NULL CHECK (state IN ('asked', 'done', 'failed')),
    grade jsonb, -- of what is done
    problem text, -- of what failed
    attempts integer NOT NULL DEFAULT 1,
    reserved_usd double precision NOT NULL DEFAULT 0, -- of what is asked: the most that it can cost
    cost_usd double precision NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (content_sha256, rubric_sha256, grader)
);
CREATE INDEX grades_by_grader ON grades (rubric_sha256, grader);
"""


def upgrade() -> None:
    op.execute(SCHEMA)
