"""Empty: it installed a function that ``profile_load_user`` has replaced.

Every upgrade installs the functions of ``postgres/functions``.
"""

revision = "0004_load_by"
down_revision = "0003_row_security"
branch_labels = None
depends_on = None

OLDEST_RELEASE = "0003_row_security"


def upgrade() -> None:
    pass
