"""The server configuration: clients, services, access rights, groups, settings."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CODE = sa.String(255)
MEMBER = ("instance", "member_class", "member_code", "subsystem_code")


def _codes(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, CODE, nullable=False) for name in names]


def _table(
    name: str, *columns: sa.Column[Any], unique: tuple[str, ...], label: str = ""
) -> None:
    """Make a table with an own row number; ``x_id`` columns refer to their table."""
    parents = [c.name for c in columns if c.name.endswith("_id")]
    label = label or "_".join(unique)
    op.create_table(
        name,
        sa.Column("id", ROW_ID, nullable=False),
        *columns,
        *(
            sa.ForeignKeyConstraint(
                [parent],
                [f"{parent.removesuffix('_id')}s.id"],
                name=f"fk_{name}_{parent}",
                ondelete="CASCADE",
            )
            for parent in parents
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.UniqueConstraint(*unique, name=f"uq_{name}_{label}"),
    )


def _parent(name: str) -> sa.Column[int]:
    return sa.Column(name, ROW_ID, nullable=False)


def _clients() -> None:
    _table(
        "clients",
        *_codes(*MEMBER),
        sa.Column("connection", sa.String(20), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        unique=MEMBER,
    )
    _table(
        "client_tls_certificates",
        _parent("client_id"),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        unique=("client_id", "sha256"),
    )


def _services() -> None:
    _table(
        "services",
        _parent("client_id"),
        *_codes("service_code", "service_version"),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("description_url", sa.String(2048), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=False),
        sa.Column("verify_tls", sa.Boolean(), nullable=False),
        sa.Column("disabled_notice", CODE),
        unique=("client_id", "service_code", "service_version"),
    )
    _table(
        "endpoints",
        _parent("client_id"),
        *_codes("service_code"),
        sa.Column("method", sa.String(20), nullable=False),
        *_codes("path"),
        unique=("client_id", "service_code", "method", "path"),
    )


def _rights() -> None:
    _table(
        "access_rights",
        _parent("endpoint_id"),
        sa.Column("subject_type", sa.String(20), nullable=False),
        *_codes(*MEMBER, "group_code"),
        unique=("endpoint_id", "subject_type", *MEMBER, "group_code"),
        label="subject",
    )
    _table(
        "local_groups",
        _parent("client_id"),
        *_codes("group_code", "description"),
        unique=("client_id", "group_code"),
    )
    _table(
        "local_group_members",
        _parent("local_group_id"),
        *_codes(*MEMBER),
        unique=("local_group_id", *MEMBER),
        label="member",
    )


def _settings() -> None:
    _table(
        "timestamping_services",
        *_codes("name"),
        sa.Column("url", sa.String(2048), nullable=False),
        unique=("url",),
    )
    op.create_table(
        "settings",
        sa.Column("key", CODE, nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )


def upgrade() -> None:
    """Make the tables."""
    _clients()
    _services()
    _rights()
    _settings()


def downgrade() -> None:
    """Remove the tables, children first."""
    for table in (
        "settings",
        "timestamping_services",
        "local_group_members",
        "local_groups",
        "access_rights",
        "endpoints",
        "services",
        "client_tls_certificates",
        "clients",
    ):
        op.drop_table(table)
