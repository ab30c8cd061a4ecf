"""Which memories a dream wrote as lessons, as a column that the dream alone sets; when content was last said.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A document counts as a dream's where every version with its text was written by a dream: tiers are changed by dreams
# too, and would lend that to what somebody else wrote. Its path ends as the path of the lesson that it names.
SCHEMA = """
ALTER TABLE memory_versions ADD COLUMN lesson_id text;
ALTER TABLE memories ADD COLUMN lesson_id text, ADD COLUMN said_at timestamptz;
UPDATE memories SET said_at = updated_at;
ALTER TABLE memories ALTER COLUMN said_at SET NOT NULL;

UPDATE memory_versions AS v SET lesson_id = l.id
FROM lessons AS l
WHERE l.memory_store_id = v.memory_store_id AND v.path ^@ '/lessons/'
    AND l.id = substring(v.content FROM 'Lesson `(lsn_[0-9A-Za-z]+)`')
    AND right(v.path, 10) = '-' || lower(right(l.id, 6)) || '.md'
    AND NOT EXISTS (
        SELECT FROM memory_versions AS o
        JOIN store_revisions AS r ON r.memory_store_id = o.memory_store_id AND r.number = o.revision
        WHERE o.memory_store_id = v.memory_store_id AND o.memory_id = v.memory_id
            AND o.content_sha256 = v.content_sha256 AND r.act <> 'dream'
    );
-- The documents of a clone are those that it was made of.
UPDATE memory_versions AS v SET lesson_id = o.lesson_id
FROM memory_stores AS s, memory_versions AS o, store_revisions AS r
WHERE s.id = v.memory_store_id AND o.memory_store_id = s.origin_id AND o.path = v.path
    AND o.content_sha256 = v.content_sha256 AND o.lesson_id IS NOT NULL AND v.lesson_id IS NULL
    AND r.memory_store_id = v.memory_store_id AND r.number = v.revision AND r.act = 'import' AND r.actor ^@ 'drm_';
UPDATE memories AS m SET lesson_id = v.lesson_id
FROM memory_versions AS v WHERE v.id = m.memory_version_id AND v.lesson_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(SCHEMA)
