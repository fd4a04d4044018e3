"""TLS session resumption for clients of peers that close after every message.

The reference closes the connection after each message, so without resumption every
message would cost two RSA operations more. asyncio and uvloop both make their TLS
objects with `SSLContext.wrap_bio`: a context that passes the last session there
resumes on both.
"""

import ssl
from typing import Self


class ResumingContext(ssl.SSLContext):
    """A client context for **one** peer address that resumes its last session.

    It makes its TLS objects with ``parent``; any number may share one parent. Keep one
    per address: a session must not be shown to another peer.
    """

    parent: ssl.SSLContext
    session: ssl.SSLSession | None

    def __new__(cls, parent: ssl.SSLContext) -> Self:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.parent = parent
        context.session = None
        return context

    def __init__(self, parent: ssl.SSLContext) -> None:
        del parent  # taken by __new__, as `ssl.SSLContext` does

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001  the signature of `ssl`
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Make a TLS object that offers the last session."""
        offered = session or self.session
        hostname = server_hostname
        if isinstance(hostname, bytes):
            hostname = hostname.decode("ascii")
        return self.parent.wrap_bio(incoming, outgoing, server_side, hostname, offered)

    def keep(self, ssl_object: ssl.SSLObject) -> None:
        """Keep the session of a connection that did its work.

        Call it after the first answer: TLS 1.3 sends tickets after the handshake.
        """
        self.session = ssl_object.session

    def forget(self) -> None:
        """Drop the session, after a connection that failed."""
        self.session = None
