"""Tables of the message log: messages, their contents and attachments, time-stamps.

What changes about a message (its time-stamp, whether it is archived) is in a narrow
table, what never changes in wide ones: SQLite writes a whole row again to change it.

A time is a whole number of milliseconds since 1970-01-01T00:00:00Z. An absent
subsystem code is the empty string, so that equality and uniqueness work alike on both
databases.

The id of a message is made by the writer (see `kerege.exchange.messagelog.ids`), grows
with time and is never used again: it names the container in downloads and archives.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    false,
)

from kerege.exchange.storage.metadata import metadata, row_id

timestamps = Table(
    "message_log_timestamps",
    metadata,
    Column("id", row_id(), primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("hash_chain_result", LargeBinary),  # none: the token is in the signature
    Column("archived", Boolean, nullable=False, server_default=false()),
)

records = Table(
    "message_log_records",
    metadata,
    Column("id", row_id(), primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("is_response", Boolean, nullable=False),
    Column("client_side", Boolean, nullable=False),
    Column("query_id", String(255), nullable=False),
    Column("x_request_id", String(255), nullable=False),
    # The party on our side: the client where we are the client's server, else the
    # provider. Downloads and archive groups go by it.
    Column("instance", String(255), nullable=False),
    Column("member_class", String(255), nullable=False),
    Column("member_code", String(255), nullable=False),
    Column("subsystem_code", String(255), nullable=False),
    Column("signature_digest", LargeBinary),  # until the time-stamp is there
    Column("timestamp_id", row_id(), ForeignKey(timestamps.c.id)),
    Column("archived", Boolean, nullable=False, server_default=false()),
)

contents = Table(
    "message_log_contents",
    metadata,
    Column(
        "record_id",
        row_id(),
        ForeignKey(records.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("message", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # without its ending
    Column("hash_chain_result", LargeBinary),
    Column("hash_chain", LargeBinary),
    # None: message and bodies are in clear. See `kerege.exchange.messagelog.sealing`.
    Column("seal", LargeBinary),
    # The name in the table of endings; none: the signature is whole. Not a foreign
    # key: it would need an index, which each record would have to write.
    Column("ending", LargeBinary),
)

endings = Table(
    "message_log_endings",
    metadata,
    Column("name", LargeBinary, primary_key=True),  # SHA-256 of the data
    Column("last_record_id", BigInteger, nullable=False),  # to within an hour
    Column("data", LargeBinary, nullable=False),
)

attachments = Table(
    "message_log_attachments",
    metadata,
    Column("record_id", row_id(), ForeignKey(records.c.id), primary_key=True),
    Column("number", Integer, primary_key=True),  # 1 is /attachment1
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # its length tells the algorithm
    # A large body is in a file, a small one in `data`. Neither: too large to be logged.
    Column("file", String(255)),
    Column("data", LargeBinary),  # last: SQLite reads a row from its front
)

timestamp_chains = Table(
    "message_log_timestamp_chains",
    metadata,
    Column(
        "record_id",
        row_id(),
        ForeignKey(records.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("hash_chain", LargeBinary, nullable=False),
)

archives = Table(
    "message_log_archives",
    metadata,
    Column("group_name", String(255), primary_key=True),  # empty: everything together
    Column("last_digest", String(255), nullable=False),
    Column("last_file", String(255), nullable=False),
    Column("pending_file", String(255)),  # being put in place; after a crash, remove it
)

timestamping = Table(
    "message_log_timestamping",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, id 1
    Column("failed_since", BigInteger),
)
