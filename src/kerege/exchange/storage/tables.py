"""All tables in one place: importing this module fills the metadata."""

from kerege.exchange.storage import (
    message_log_indexes,
    message_log_tables,
    operational_data_tables,
    seen_messages_table,
    server_configuration_tables,
)
from kerege.exchange.storage.metadata import metadata

__all__ = [
    "message_log_indexes",
    "message_log_tables",
    "metadata",
    "operational_data_tables",
    "seen_messages_table",
    "server_configuration_tables",
]
