"""What can be wrong with the OpenSSL that this Python is linked to."""


class UnsuitableOpenSSLError(Exception):
    """This build of Python or OpenSSL cannot do what X-Road's TLS needs.

    ``message`` says what was tried and what happened, ``advice`` what to do about it.
    A server that gets this error must not start.
    """

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}"
