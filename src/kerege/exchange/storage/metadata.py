"""The one collection of tables, with names for constraints that Alembic can find."""

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def row_id() -> TypeEngine[int]:
    """Return the type of a 64-bit key: SQLite's own row number has to say INTEGER."""
    return BigInteger().with_variant(Integer, "sqlite")
