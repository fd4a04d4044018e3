"""Endpoints know whether a description brought them; descriptions have versions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLE = "service_description_versions"


def upgrade() -> None:
    """Make the column and the table."""
    op.add_column(
        "endpoints",
        sa.Column("generated", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        _TABLE,
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "client_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            nullable=False,
        ),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("format", sa.String(40), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("version", sa.String(255), nullable=False),
        sa.Column("first_read", sa.BigInteger, nullable=False),
        sa.Column("last_read", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_TABLE}"),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            ondelete="CASCADE",
            name=f"fk_{_TABLE}_client_id",
        ),
    )


def downgrade() -> None:
    """Remove both."""
    op.drop_table(_TABLE)
    with op.batch_alter_table("endpoints") as table:
        table.drop_column("generated")
