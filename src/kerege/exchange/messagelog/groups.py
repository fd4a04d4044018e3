"""Grouping: archives of one member, or of one subsystem, in a chain of their own.

Source: X-Road 7.8, `GroupingStrategy.java`, `Grouping.java`; ug-ss 11.1.6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, and_, select, true
from sqlalchemy.sql.elements import ColumnElement

from kerege.exchange.messagelog.values import Grouping
from kerege.exchange.storage.message_log_tables import records
from kerege.xroad.identifiers import ClientId

MAX_NAME_CHARACTERS = 255
"""Of a group in the database; codes may be longer together."""


@dataclass(frozen=True, slots=True)
class Group:
    """What goes into one chain of archives."""

    client: ClientId | None
    """The member or subsystem; None: everything."""
    is_subsystem: bool = False
    """Whether it is one subsystem, or the member's own messages, only."""

    @property
    def name(self) -> str:
        """The group's key in the database; empty for everything."""
        if self.client is None:
            return ""
        name = self.client.short
        if len(name) <= MAX_NAME_CHARACTERS:
            return name
        return f"sha-256:{sha256(name.encode()).hexdigest()}"

    @property
    def includes(self) -> ColumnElement[bool]:
        """Which records are in the group."""
        if self.client is None:
            return true()
        member = and_(
            records.c.instance == self.client.instance,
            records.c.member_class == self.client.member_class,
            records.c.member_code == self.client.member_code,
        )
        if not self.is_subsystem:
            return member
        code = self.client.subsystem_code or ""
        return and_(member, records.c.subsystem_code == code)


def groups_of(
    connection: Connection, grouping: Grouping, which: ColumnElement[bool]
) -> Iterator[Group]:
    """Yield the groups of these records, in the order of their codes."""
    if grouping is Grouping.NONE:
        yield Group(None)
        return
    columns = [records.c.instance, records.c.member_class, records.c.member_code]
    is_subsystem = grouping is Grouping.SUBSYSTEM
    if is_subsystem:
        columns.append(records.c.subsystem_code)
    question = select(*columns).where(which).distinct().order_by(*columns)
    for codes in connection.execute(question).all():
        instance, member_class, member_code, *subsystem = codes
        code = (subsystem[0] or None) if subsystem else None
        client = ClientId(instance, member_class, member_code, code)
        yield Group(client, is_subsystem)
