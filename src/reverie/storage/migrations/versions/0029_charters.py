"""Charters: every version that was set, what sessions showed, how each behaviour stands, and alarms.

Revision ID: 0029
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE TABLE charters (
    agent_id text NOT NULL, -- an agent's id, or the name that imported sessions bear; '' is all of the workspace
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    entry bigint GENERATED ALWAYS AS IDENTITY,
    content_hash bytea NOT NULL,
    PRIMARY KEY (agent_id, version)
);
CREATE UNIQUE INDEX charters_by_entry ON charters (entry);
CREATE TRIGGER charters_hashed BEFORE INSERT ON charters FOR EACH ROW
    EXECUTE FUNCTION hash_content('entry', 'agent_id', 'version', 'document', 'created_at');

-- What each session showed of a charter's behaviours, in the order of judging. Append-only; numbers, no content, so
-- they stay when a session is deleted: what was counted was counted.
CREATE TABLE charter_judgements (
    charter_agent_id text NOT NULL,
    place bigint NOT NULL, -- in the charter's order, from 1
    session_key bigint REFERENCES sessions ON DELETE SET NULL,
    agent text NOT NULL, -- the id of an agent, or the name that an imported session bears
    version integer NOT NULL,
    shown jsonb NOT NULL, -- a number in [0, 1] for each behaviour that the session had an occasion for
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (charter_agent_id, place)
);
CREATE UNIQUE INDEX charter_judgements_by_session ON charter_judgements (session_key, charter_agent_id);
CREATE INDEX charter_judgements_by_agent ON charter_judgements (charter_agent_id, agent, place);

-- The detector of each behaviour of each agent: the fold of the judgements of places after from_place.
CREATE TABLE charter_watches (
    charter_agent_id text NOT NULL,
    agent text NOT NULL,
    behaviour text NOT NULL,
    watched jsonb NOT NULL, -- what is counted and the allowed range, which the sums belong to
    from_place bigint NOT NULL,
    through_place bigint NOT NULL,
    watch jsonb NOT NULL,
    alarm_id text, -- the alarm that stands
    PRIMARY KEY (charter_agent_id, agent, behaviour)
);

CREATE TABLE charter_alarms (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    charter_agent_id text NOT NULL,
    version integer NOT NULL,
    agent text NOT NULL,
    behaviour text NOT NULL,
    act text NOT NULL CHECK (act IN ('notice', 'pause')), -- what was done: imported sessions pause nobody
    numbers jsonb NOT NULL,
    session_id text NOT NULL, -- the last that was counted
    at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text NOT NULL DEFAULT '',
    content_hash bytea NOT NULL
);
CREATE TRIGGER charter_alarms_hashed BEFORE INSERT ON charter_alarms FOR EACH ROW
    EXECUTE FUNCTION hash_content(
        'number', 'id', 'charter_agent_id', 'version', 'agent', 'behaviour', 'act', 'numbers', 'session_id', 'at'
    );
-- Asked before every request of an agent's turn.
CREATE INDEX charter_alarms_that_pause ON charter_alarms (agent) WHERE act = 'pause' AND acknowledged_at IS NULL;
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
