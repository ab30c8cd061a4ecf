"""Which schema revisions this code knows, read from the migration files' names without loading Alembic."""

from pathlib import Path

MIGRATIONS = Path(__file__).parents[1] / "migrations"
VERSION_TABLE = "reverie_schema"


def known_revisions() -> list[str]:
    """Revisions in order; a migration file is named ``<revision>_<words>.py``."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
