"""On Postgres: ``profile_load_user`` returns a whole row of the table.

Every upgrade installs the functions of ``postgres/functions``. ``profile_load`` and
``profile_load_by`` are kept for previous releases, which may still be serving.
"""

revision = "0005_functions_in_files"
down_revision = "0004_load_by"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0003_row_security"

# The digest of the functions' text from this revision on; a test compares.
FUNCTIONS = "3863e17c1c83338a"


def upgrade() -> None:
    pass
