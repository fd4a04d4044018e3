"""What a server remembers: one database, SQLite or PostgreSQL, one setting apart."""

from kerege.exchange.storage.database import Database, open_database

__all__ = ["Database", "open_database"]
