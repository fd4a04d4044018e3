"""The one thing Python's `ssl` lacks: ask for a certificate, accept whichever comes.

OpenSSL has it: `SSL_CTX_set_cert_verify_callback` replaces the whole verification of
the peer's chain. We call it with `ctypes` on the context's own `SSL_CTX`, in the very
libssl that the module `_ssl` is linked to: a handle on `_ssl`'s own file finds its
symbols and those of its dependencies, and no other copy of OpenSSL that happens to be
in the process (`cryptography` and `psycopg` each bring one). Where libssl is linked
into `_ssl` itself the symbols are found there, or, if the linker hid them, not at
all: then `UnsuitableOpenSSLError` says so.

Two assumptions, both checked before anything is written: a context object keeps its
`SSL_CTX *` directly behind the object header (CPython 3.11 to 3.14, `PySSLContext` in
`Modules/_ssl.c`), and the pointer found there answers with the verification mode that
we set a moment before.
"""

import _ssl
import ctypes
import functools
import ssl
import sys
import sysconfig
from collections.abc import Callable

from kerege.exchange.tls._errors import UnsuitableOpenSSLError

_ADVICE = (
    "Run the server with CPython 3.11 or later, built with a shared OpenSSL 1.1.1 or "
    "later (the python3 package of Debian, Ubuntu or RHEL will do)."
)

_SET_SESSION_CACHE_SIZE = 42
"""`SSL_CTRL_SET_SESS_CACHE_SIZE` of OpenSSL's ssl.h."""

_AcceptCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def _yes(_store: int | None, _argument: int | None) -> int:
    """Accept the chain: it is judged after the handshake."""
    return 1


_accept = _AcceptCallback(_yes)
"""The C function of `_yes`; OpenSSL keeps its address, so it lives as long as we do."""


def accept_any_certificate(context: ssl.SSLContext) -> None:
    """Let ``context`` ask for certificates as its verify mode says, and accept any.

    Args:
        context: a server context with `CERT_REQUIRED` or `CERT_OPTIONAL`.

    Raises:
        UnsuitableOpenSSLError: the hook cannot be set on this build.
    """
    libssl = _libssl()
    pointer = _pointer(context, libssl.SSL_CTX_get_verify_mode)
    libssl.SSL_CTX_set_cert_verify_callback(pointer, _accept, None)


def bound_session_cache(context: ssl.SSLContext, sessions: int) -> None:
    """Keep at most ``sessions`` TLS sessions of clients that know no tickets."""
    libssl = _libssl()
    pointer = _pointer(context, libssl.SSL_CTX_get_verify_mode)
    libssl.SSL_CTX_ctrl(pointer, _SET_SESSION_CACHE_SIZE, sessions, None)


@functools.cache
def _libssl() -> ctypes.CDLL:
    """Return a handle on the libssl of the module `_ssl`."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var(
        "Py_GIL_DISABLED"
    ):
        raise UnsuitableOpenSSLError(
            "TLS between Security Servers needs CPython with its interpreter lock.",
            advice=_ADVICE,
        )
    try:
        # A built-in `_ssl` has no file: then its symbols are the program's own.
        library = ctypes.CDLL(getattr(_ssl, "__file__", None))
        library.SSL_CTX_set_cert_verify_callback.argtypes = [
            ctypes.c_void_p,
            _AcceptCallback,
            ctypes.c_void_p,
        ]
        library.SSL_CTX_set_cert_verify_callback.restype = None
        library.SSL_CTX_get_verify_mode.argtypes = [ctypes.c_void_p]
        library.SSL_CTX_ctrl.argtypes = [
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_long,
            ctypes.c_void_p,
        ]
        library.SSL_CTX_ctrl.restype = ctypes.c_long
    except (OSError, AttributeError) as error:
        message = f"The OpenSSL of this Python hides functions we need: {error}."
        raise UnsuitableOpenSSLError(message, advice=_ADVICE) from error
    return library


def _pointer(context: ssl.SSLContext, verify_mode: Callable[[int], int]) -> int:
    """Return the `SSL_CTX *` of ``context``, after asking it who it is."""
    address = id(context) + object.__basicsize__
    pointer = ctypes.c_void_p.from_address(address).value
    expected = {ssl.CERT_NONE: 0, ssl.CERT_OPTIONAL: 1, ssl.CERT_REQUIRED: 3}
    if pointer is None or verify_mode(pointer) != expected[context.verify_mode]:
        raise UnsuitableOpenSSLError(
            "An SSLContext of this Python is not laid out as expected.", advice=_ADVICE
        )
    return pointer
