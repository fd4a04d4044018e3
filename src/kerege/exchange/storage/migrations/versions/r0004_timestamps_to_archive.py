"""Time-stamps that are not archived yet are found without looking at all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEX = "ix_message_log_timestamps_to_archive"


def upgrade() -> None:
    """Make the index."""
    is_open = sa.column("archived").is_(sa.false())
    op.create_index(
        _INDEX,
        "message_log_timestamps",
        ["id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def downgrade() -> None:
    """Remove the index."""
    op.drop_index(_INDEX, "message_log_timestamps")
