"""Operational monitoring: a row for each message on each side, and one for each service.

Texts have the reference's lengths.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "operational_data",
        sa.Column("id", _ROW_ID, nullable=False),
        *_times_and_parties(),
        *_message(),
        sa.PrimaryKeyConstraint("id", name="pk_operational_data"),
    )
    op.create_index(
        "ix_operational_data_monitoring_data_ts",
        "operational_data",
        ["monitoring_data_ts"],
    )
    op.create_table(
        "operational_services",
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("service_type", sa.String(255), nullable=True),
        sa.Column("last_successful", sa.BigInteger(), nullable=True),
        sa.Column("last_unsuccessful", sa.BigInteger(), nullable=True),
        sa.Column("last_heard", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_operational_services"),
    )


def _times_and_parties() -> "list[sa.Column[object]]":
    return [
        sa.Column("monitoring_data_ts", sa.BigInteger(), nullable=False),
        sa.Column("security_server_internal_ip", sa.String(255), nullable=False),
        sa.Column("security_server_type", sa.String(255), nullable=False),
        sa.Column("request_in_ts", sa.BigInteger(), nullable=False),
        sa.Column("request_out_ts", sa.BigInteger(), nullable=True),
        sa.Column("response_in_ts", sa.BigInteger(), nullable=True),
        sa.Column("response_out_ts", sa.BigInteger(), nullable=False),
        sa.Column("client_xroad_instance", sa.String(255), nullable=True),
        sa.Column("client_member_class", sa.String(255), nullable=True),
        sa.Column("client_member_code", sa.String(255), nullable=True),
        sa.Column("client_subsystem_code", sa.String(255), nullable=True),
        sa.Column("service_xroad_instance", sa.String(255), nullable=True),
        sa.Column("service_member_class", sa.String(255), nullable=True),
        sa.Column("service_member_code", sa.String(255), nullable=True),
        sa.Column("service_subsystem_code", sa.String(255), nullable=True),
        sa.Column("service_code", sa.String(255), nullable=True),
        sa.Column("rest_method", sa.String(255), nullable=True),
        sa.Column("rest_path", sa.String(255), nullable=True),
        sa.Column("xroad_version", sa.String(255), nullable=True),
        sa.Column("service_version", sa.String(255), nullable=True),
    ]


def _message() -> "list[sa.Column[object]]":
    return [
        sa.Column("represented_party_class", sa.String(255), nullable=True),
        sa.Column("represented_party_code", sa.String(255), nullable=True),
        sa.Column("message_id", sa.String(255), nullable=True),
        sa.Column("message_user_id", sa.String(255), nullable=True),
        sa.Column("message_issue", sa.String(255), nullable=True),
        sa.Column("message_protocol_version", sa.String(255), nullable=True),
        sa.Column("client_security_server_address", sa.String(255), nullable=True),
        sa.Column("service_security_server_address", sa.String(255), nullable=True),
        sa.Column("request_size", sa.BigInteger(), nullable=True),
        sa.Column("response_size", sa.BigInteger(), nullable=True),
        sa.Column("request_mime_size", sa.BigInteger(), nullable=True),
        sa.Column("request_attachment_count", sa.BigInteger(), nullable=True),
        sa.Column("response_mime_size", sa.BigInteger(), nullable=True),
        sa.Column("response_attachment_count", sa.BigInteger(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("fault_code", sa.String(255), nullable=True),
        sa.Column("fault_string", sa.String(2048), nullable=True),
        sa.Column("x_request_id", sa.String(255), nullable=True),
        sa.Column("status_code", sa.BigInteger(), nullable=True),
        sa.Column("service_type", sa.String(255), nullable=True),
    ]


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("operational_services")
    op.drop_table("operational_data")
