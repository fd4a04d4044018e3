"""The message log: time-stamps, messages, attachments, archive state."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = sa.String(255)
TO_ARCHIVE_SQLITE = "timestamp_id IS NOT NULL AND archived IS 0"
TO_ARCHIVE_POSTGRESQL = "timestamp_id IS NOT NULL AND archived IS false"


def _timestamps() -> None:
    op.create_table(
        "message_log_timestamps",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("hash_chain_result", sa.LargeBinary()),
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_message_log_timestamps"),
    )


def _records() -> None:
    op.create_table(
        "message_log_records",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("is_response", sa.Boolean(), nullable=False),
        sa.Column("client_side", sa.Boolean(), nullable=False),
        sa.Column("query_id", CODE, nullable=False),
        sa.Column("x_request_id", CODE, nullable=False),
        sa.Column("instance", CODE, nullable=False),
        sa.Column("member_class", CODE, nullable=False),
        sa.Column("member_code", CODE, nullable=False),
        sa.Column("subsystem_code", CODE, nullable=False),
        sa.Column("signature_digest", sa.LargeBinary()),
        sa.Column("timestamp_id", ROW_ID),
        sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["timestamp_id"],
            ["message_log_timestamps.id"],
            name="fk_message_log_records_timestamp_id",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_message_log_records"),
    )


def _record_indexes() -> None:
    table = "message_log_records"
    op.create_index("ix_message_log_records_query_id", table, ["query_id"])
    op.create_index(
        "ix_message_log_records_timestamp_id",
        table,
        ["timestamp_id"],
        sqlite_where=sa.text("timestamp_id IS NOT NULL"),
        postgresql_where=sa.text("timestamp_id IS NOT NULL"),
    )
    op.create_index(
        "ix_message_log_records_unstamped",
        table,
        ["id"],
        sqlite_where=sa.text("timestamp_id IS NULL"),
        postgresql_where=sa.text("timestamp_id IS NULL"),
    )
    op.create_index(
        "ix_message_log_records_to_archive",
        table,
        ["id"],
        sqlite_where=sa.text(TO_ARCHIVE_SQLITE),
        postgresql_where=sa.text(TO_ARCHIVE_POSTGRESQL),
    )


def _of_record(name: str, *columns: sa.Column[Any], key: str = "") -> None:
    """Make a table whose rows belong to a record."""
    keys = ["record_id", key] if key else ["record_id"]
    op.create_table(
        name,
        sa.Column("record_id", ROW_ID, autoincrement=False, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["record_id"], ["message_log_records.id"], name=f"fk_{name}_record_id"
        ),
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}"),
    )


def _contents() -> None:
    _of_record(
        "message_log_contents",
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("hash_chain_result", sa.LargeBinary()),
        sa.Column("hash_chain", sa.LargeBinary()),
    )
    _of_record(
        "message_log_attachments",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("file", CODE),
        sa.Column("data", sa.LargeBinary()),
        key="number",
    )
    op.create_index(
        "ix_message_log_attachments_file",
        "message_log_attachments",
        ["file"],
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )
    _of_record(
        "message_log_timestamp_chains",
        sa.Column("hash_chain", sa.LargeBinary(), nullable=False),
    )


def _state() -> None:
    op.create_table(
        "message_log_archives",
        sa.Column("group_name", CODE, nullable=False),
        sa.Column("last_digest", CODE, nullable=False),
        sa.Column("last_file", CODE, nullable=False),
        sa.Column("pending_file", CODE),
        sa.PrimaryKeyConstraint("group_name", name="pk_message_log_archives"),
    )
    op.create_table(
        "message_log_timestamping",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failed_since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_message_log_timestamping"),
    )


def upgrade() -> None:
    """Make the tables."""
    _timestamps()
    _records()
    _record_indexes()
    _contents()
    _state()


def downgrade() -> None:
    """Remove the tables."""
    for table in (
        "timestamping",
        "archives",
        "timestamp_chains",
        "attachments",
        "contents",
        "records",
        "timestamps",
    ):
        op.drop_table(f"message_log_{table}")
