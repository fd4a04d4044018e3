"""Port 5577: this server's OCSP responses, for other servers, over plain HTTP."""

from kerege.exchange.http import Request, Response
from kerege.exchange.ocsp import answer_ocsp_query
from kerege.exchange.ocsp.query import ResponseByHash
from kerege.exchange.security_server.outgoing import new_boundary


class OCSPPort:
    """Answers other security servers that ask for OCSP responses."""

    def __init__(self, response_by_hash: ResponseByHash) -> None:
        """Look responses up with ``response_by_hash``."""
        self._response_by_hash = response_by_hash

    async def handle(self, request: Request) -> Response:
        """Answer one query."""
        query = request.target.partition(b"?")[2].decode("latin-1")
        answer = answer_ocsp_query(
            query,
            self._response_by_hash,
            boundary=new_boundary(),
            method=request.method,
        )
        return Response(
            answer.status,
            b"OK" if answer.status == 200 else b"Server Error",
            [(name.encode(), value.encode()) for name, value in answer.headers],
            answer.body,
        )
