"""Messages that were received, for servers that refuse replays."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "seen_messages",
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_seen_messages"),
    )
    op.create_index("ix_seen_messages_until", "seen_messages", ["until"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("seen_messages")
