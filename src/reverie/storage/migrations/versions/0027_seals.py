"""A tamper-evident history: rows that carry their own hash, seals over them, and what was lawfully erased.

Revision ID: 0027
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Each table with what numbers its rows, and the columns of a row's canonical text.
HISTORIES = {
    "audit_log": ("number", "number at actor action resource_id request_id details"),
    "store_revisions": ("entry", "entry memory_store_id number act actor reason source_session_ids created_at"),
    "memory_versions": (
        "entry",
        (
            "entry salt id memory_store_id memory_id operation path content content_sha256 content_size_bytes"
            " created_by created_at revision reason tier lesson_id"
        ),
    ),
    "agent_versions": ("entry", "entry agent_id version definition created_at"),
    "trial_decisions": (
        "number",
        "number id trial_id at act by reason numbers revision_before revision_after note",
    ),
    "rules": ("entry", "entry agent_id version document created_at"),
    "deployment_runs": (
        "entry",
        "entry id deployment_id agent_id agent_version scheduled_at session_id error created_at",
    ),
}

BEFORE = """
SET LOCAL timezone = 'UTC';
ALTER TABLE audit_log ADD COLUMN details jsonb;
-- Blanked with the content, so that the hash that stays tells nothing of what was erased.
ALTER TABLE memory_versions ADD COLUMN salt uuid DEFAULT gen_random_uuid();

-- The canonical text is a JSON object of the columns named, as jsonb prints it; see docs/audit.md.
CREATE FUNCTION hash_content() RETURNS trigger LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    fields jsonb := to_jsonb(NEW);
BEGIN
    SELECT sha256(convert_to(jsonb_object_agg(name, fields -> name)::text, 'UTF8')) INTO NEW.content_hash
        FROM unnest(TG_ARGV) AS name;
    RETURN NEW;
END $$;
"""

AFTER = """
CREATE TABLE audit_seals (
    number bigint PRIMARY KEY CHECK (number > 0),
    workspace_id text NOT NULL,
    "table" text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    made_at timestamptz NOT NULL,
    key_id text,
    root bytea NOT NULL,
    signature bytea,
    leaves bytea NOT NULL -- of each row its number, 8 bytes, and its hash, 32 bytes
);
ALTER TABLE audit_seals ALTER COLUMN leaves SET STORAGE EXTERNAL;
CREATE INDEX audit_seals_by_table ON audit_seals ("table", last);
CREATE TRIGGER audit_seals_are_append_only BEFORE UPDATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_update();

-- Rows that were deleted or blanked as users may, and the act of the audit log that says so.
CREATE TABLE erased_rows (
    "table" text NOT NULL,
    number bigint NOT NULL,
    act bigint NOT NULL,
    PRIMARY KEY ("table", number, act)
);
CREATE INDEX erased_rows_by_act ON erased_rows (act);
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(BEFORE)
    for table, (number, columns) in HISTORIES.items():
        names = ", ".join(f"'{name}'" for name in columns.split())
        if number == "entry":
            op.execute(f"ALTER TABLE {table} ADD COLUMN entry bigint GENERATED ALWAYS AS IDENTITY")
            op.execute(f"CREATE UNIQUE INDEX {table}_by_entry ON {table} (entry)")
        op.execute(f"ALTER TABLE {table} ADD COLUMN content_hash bytea")
        # Rows that are there already are hashed as they are now.
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        op.execute(f"""
            UPDATE {table} SET content_hash = (
                SELECT sha256(convert_to(jsonb_object_agg(name, to_jsonb({table}) -> name)::text, 'UTF8'))
                FROM unnest(ARRAY[{names}]) AS name
            )
        """)
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN content_hash SET NOT NULL")
        op.execute(
            f"CREATE TRIGGER {table}_hashed BEFORE INSERT ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION hash_content({names})"
        )
    op.execute(AFTER)
