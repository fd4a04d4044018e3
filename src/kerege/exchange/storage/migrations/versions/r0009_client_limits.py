"""Limits of single clients."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLE = "client_limits"
_CODES = ("instance", "member_class", "member_code", "subsystem_code")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        _TABLE,
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            nullable=False,
        ),
        sa.Column("side", sa.String(20), nullable=False),
        *(sa.Column(code, sa.String(255), nullable=False) for code in _CODES),
        sa.Column("request_bytes", sa.BigInteger),
        sa.Column("answer_bytes", sa.BigInteger),
        sa.Column("messages_per_second", sa.Double),
        sa.Column("burst", sa.Integer),
        sa.Column("messages_at_once", sa.Integer),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_TABLE}"),
        sa.UniqueConstraint("side", *_CODES, name=f"uq_{_TABLE}_client"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table(_TABLE)
