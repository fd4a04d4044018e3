"""Alerts that reach the peer.

asyncio and uvloop drop a connection whose handshake fails without sending what OpenSSL
wrote about it. The peer then sees its connection reset, and its operator looks for a
firewall instead of the certificate that was not sent. So a failure with an alert is
told to the event loop in two steps: first that more data is needed, upon which the
loop sends what is waiting, then, when the loop asks again, the failure itself.
"""

import ssl
from typing import Any


class AlertingSSLObject(ssl.SSLObject):
    """A TLS object whose last words are sent before the connection is dropped.

    A peer that does not close after the alert is dropped with its next bytes, or when
    the loop's time for a handshake is over.
    """

    outgoing: ssl.MemoryBIO | None = None
    """What waits to be sent."""
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises what `ssl.SSLObject.do_handshake` raises."""
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            raise
        except ssl.SSLError as error:
            if self.outgoing is None or not self.outgoing.pending:
                raise
            self._failure = error
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "alert") from error


class AlertingContext(ssl.SSLContext):
    """A context whose TLS objects get their alerts out."""

    sslobject_class = AlertingSSLObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        *arguments: Any,  # noqa: ANN401  the signature of `ssl`
        **options: Any,  # noqa: ANN401  likewise
    ) -> ssl.SSLObject:
        """Make a TLS object that can see what waits to be sent."""
        made = super().wrap_bio(incoming, outgoing, *arguments, **options)
        if isinstance(made, AlertingSSLObject):
            made.outgoing = outgoing
        return made
