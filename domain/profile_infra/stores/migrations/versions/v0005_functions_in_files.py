"""On Postgres: a load that gives a whole row of the table, so that it knows no columns.

The functions themselves come with whatever upgrades the database. ``profile_load`` and
``profile_load_by`` stay where they are, for the releases before, which may still be serving.
"""

revision = "0005_functions_in_files"
down_revision = "0004_load_by"
branch_labels = None
depends_on = None

# Of the functions' text as it is from here on; a test compares.
FUNCTIONS = "3863e17c1c83338a"


def upgrade() -> None:
    pass
