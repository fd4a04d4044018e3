"""The table of messages that were received, for servers that refuse replays.

``until`` is when a row may go, in milliseconds since 1970-01-01T00:00:00Z.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table

from kerege.exchange.storage.metadata import metadata

seen_messages = Table(
    "seen_messages",
    metadata,
    Column("identity", LargeBinary, primary_key=True),
    Column("until", BigInteger, nullable=False),
)
Index("ix_seen_messages_until", seen_messages.c.until)
