"""Messages in the log may be encrypted: the seal says how."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("message_log_contents", sa.Column("seal", sa.LargeBinary()))


def downgrade() -> None:
    """Remove the column; what is encrypted cannot be read any more."""
    with op.batch_alter_table("message_log_contents") as table:
        table.drop_column("seal")
