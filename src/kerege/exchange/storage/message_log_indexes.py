"""Indexes of the message log: of what waits, and of query ids.

A server's process does not load them: whatever names PostgreSQL here loads all that
SQLAlchemy knows of it, two megabytes. The schema's steps make them.
"""

from sqlalchemy import Index

from kerege.exchange.storage.message_log_tables import attachments, records, timestamps

_in_file = attachments.c.file.is_not(None)
_stamped = records.c.timestamp_id.is_not(None)
_unstamped = records.c.timestamp_id.is_(None)
_to_archive = _stamped & records.c.archived.is_(False)
_timestamp_to_archive = timestamps.c.archived.is_(False)
Index("ix_message_log_records_query_id", records.c.query_id)
Index(
    "ix_message_log_attachments_file",
    attachments.c.file,
    sqlite_where=_in_file,
    postgresql_where=_in_file,
)
Index(
    "ix_message_log_records_timestamp_id",
    records.c.timestamp_id,
    sqlite_where=_stamped,
    postgresql_where=_stamped,
)
Index(
    "ix_message_log_records_unstamped",
    records.c.id,
    sqlite_where=_unstamped,
    postgresql_where=_unstamped,
)
Index(
    "ix_message_log_records_to_archive",
    records.c.id,
    sqlite_where=_to_archive,
    postgresql_where=_to_archive,
)
Index(
    "ix_message_log_timestamps_to_archive",
    timestamps.c.id,
    sqlite_where=_timestamp_to_archive,
    postgresql_where=_timestamp_to_archive,
)
