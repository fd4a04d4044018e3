"""Endings of signatures are stored once for all records that share them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLE = "message_log_endings"


def upgrade() -> None:
    """Make the table, and the column that names a row of it."""
    op.create_table(
        _TABLE,
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("last_record_id", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name=f"pk_{_TABLE}"),
    )
    op.add_column("message_log_contents", sa.Column("ending", sa.LargeBinary))


def downgrade() -> None:
    """Give every record its whole signature back; remove the table and the column."""
    contents = sa.table(
        "message_log_contents",
        sa.column("signature", sa.LargeBinary),
        sa.column("ending", sa.LargeBinary),
    )
    endings = sa.table(
        _TABLE, sa.column("name", sa.LargeBinary), sa.column("data", sa.LargeBinary)
    )
    data = sa.select(endings.c.data).where(endings.c.name == contents.c.ending)
    whole = sa.cast(contents.c.signature.concat(data.scalar_subquery()), sa.LargeBinary)
    op.execute(
        sa.update(contents)
        .where(contents.c.ending.is_not(None))
        .values(signature=whole)
    )
    with op.batch_alter_table("message_log_contents") as table:
        table.drop_column("ending")
    op.drop_table(_TABLE)
