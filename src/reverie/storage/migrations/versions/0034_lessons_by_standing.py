"""The lessons of all stores are listed with what holds first, the greatest effect first.

Revision ID: 0034
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SCHEMA = """
CREATE INDEX lessons_by_standing ON lessons (
    array_position(ARRAY['adopted', 'trial', 'candidate', 'retired', 'refused'], status),
    (-abs(coalesce((lesson #>> '{effect,estimate}')::float8, 0))), memory_store_id, id
);
-- A lesson is found by its id alone, whichever stores have it.
CREATE INDEX lessons_by_id ON lessons (id);
CREATE INDEX versions_of_lessons ON memory_versions (memory_store_id, lesson_id) WHERE lesson_id IS NOT NULL;
"""


def upgrade() -> None:
    """Apply the migration."""
    op.execute(SCHEMA)
