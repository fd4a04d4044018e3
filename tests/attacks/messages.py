"""Messages of another security server, made part by part, so that any can be wrong.

An `Author` writes what an honest server would; a `Letter` is that message as parts,
to be changed and then sent as an HTTP request (`Letter.posted`) or given as an answer
(`Letter.answered`). Nothing of the server under test is used but the pure protocol.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from cryptography import x509

from kerege.xroad import transport
from kerege.xroad.algorithms import SHA512
from kerege.xroad.identifiers import ClientId
from kerege.xroad.rest import RestRequest, RestResponse, request_hash
from kerege.xroad.signature import (
    Part,
    SignatureData,
    SignatureTemplate,
    Signer,
    sign_messages,
)
from kerege.xroad.transport import BodyData, Message, MessageReader
from tests.instances import Instance, Signing
from tests.wire import Http, answer, request

OCSP = "application/ocsp-response"
REQUEST = "application/x-road-rest-request"
RESPONSE = "application/x-road-rest-response"
BODY = "application/x-road-rest-body"
RESULT = "application/hash-chain-result"
CHAIN = "application/hash-chain"
SIGNATURE = "signature/bdoc-1.0/ts"
FAULT = "text/xml; charset=UTF-8"

SOAP = "text/xml; charset=UTF-8"
ATTACHMENTS = "multipart/mixed; charset=UTF-8; boundary=xattAttacker"

BOUNDARY = "xtopAttacker"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Piece:
    """One part of a multipart."""

    media_type: str
    content: bytes
    headers: str = ""
    """Further header lines, each with its line end."""

    def wire(self, boundary: str) -> bytes:
        head = f"--{boundary}\r\ncontent-type: {self.media_type}\r\n{self.headers}\r\n"
        return head.encode() + self.content + b"\r\n"


@dataclass(frozen=True)
class Letter:
    """A message as parts, in order."""

    pieces: tuple[Piece, ...]
    boundary: str = BOUNDARY

    def of(self, media_type: str) -> bytes:
        """Return the content of the first part of this type."""
        return next(p.content for p in self.pieces if p.media_type == media_type)

    def without(self, *media_types: str) -> Self:
        kept = (p for p in self.pieces if p.media_type not in media_types)
        return replace(self, pieces=tuple(kept))

    def with_content(self, media_type: str, content: bytes) -> Self:
        """Give all parts of this type another content."""
        changed = (
            replace(p, content=content) if p.media_type == media_type else p
            for p in self.pieces
        )
        return replace(self, pieces=tuple(changed))

    def with_pieces_of(self, other: "Letter", *media_types: str) -> Self:
        """Take the parts of these types from another message."""
        changed = self
        for media_type in media_types:
            changed = changed.with_content(media_type, other.of(media_type))
        return changed

    def with_piece(self, piece: Piece, at: int | None = None) -> Self:
        """Put one more part in, at the end unless told otherwise."""
        place = len(self.pieces) if at is None else at
        return replace(self, pieces=(*self.pieces[:place], piece, *self.pieces[place:]))

    def ordered(self, *media_types: str) -> Self:
        """Put the parts into this order of types."""
        key = {name: number for number, name in enumerate(media_types)}
        ordered = sorted(self.pieces, key=lambda piece: key[piece.media_type])
        return replace(self, pieces=tuple(ordered))

    @property
    def body(self) -> bytes:
        """The multipart."""
        parts = b"".join(piece.wire(self.boundary) for piece in self.pieces)
        return parts + f"--{self.boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        return transport.content_type(self.boundary)

    def posted(self, body: bytes | None = None, **headers: str | None) -> bytes:
        """Return the HTTP request; None leaves a header out, ``_`` is a hyphen."""
        chosen = {
            "x-road-message-type": "REST",
            "x-hash-algorithm": "SHA-512",
            "x-proxy-version": "7.8.0",
            "content-type": self.content_type,
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        given = {n: v for n, v in chosen.items() if v is not None}
        return request("POST", "/", given, self.body if body is None else body)

    def answered(self, body: bytes | None = None, **headers: str | None) -> bytes:
        """Return the HTTP answer; likewise."""
        chosen = {
            "x-hash-algorithm": "SHA-512",
            "content-type": self.content_type,
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        given = {n: v for n, v in chosen.items() if v is not None}
        return answer(headers=given, body=self.body if body is None else body)


@dataclass(frozen=True)
class Author:
    """Somebody who writes messages of a server, with a key of their choice."""

    instance: Instance
    signing: Signing
    at: datetime
    signer: Signer = field(repr=False)
    ocsp: Callable[[x509.Certificate], bytes | None] = field(repr=False)
    """The OCSP responses that go along; None leaves one out."""

    @classmethod
    def of(
        cls, instance: Instance, signing: Signing, signer: Signer | None = None
    ) -> Self:
        """Write as ``signing`` would, unless another signer is given."""
        at = instance.at
        return cls(
            instance,
            signing,
            at,
            signer or signing.signer,
            lambda certificate: instance.ocsp_response(certificate, at),
        )

    def request(
        self,
        path: str,
        *,
        client: ClientId | None = None,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
    ) -> Letter:
        """Write a request of one of the server's clients to ``/r1/...``."""
        number = next(_numbers)
        made = RestRequest.from_client(
            method,
            path.encode(),
            None,
            [("X-Road-Client", (client or self.signing.clients[0]).path), *headers],
            request_id=f"00000000-0000-4000-9000-{number:012d}",
            query_id=f"{self.instance.name}-attack-{number}",
        )
        identity = self.signing.identity
        ocsp = [self.ocsp(certificate) for certificate in identity.certificates]
        pieces = [Piece(OCSP, der) for der in ocsp if der is not None]
        return self.sealed(pieces, Piece(REQUEST, made.block), body)

    def soap_request(
        self,
        content: bytes,
        attachments: Sequence[bytes] = (),
        *,
        part_headers: str = "",
    ) -> Letter:
        """Write a SOAP request with these attachments."""
        identity = self.signing.identity
        ocsp = [self.ocsp(certificate) for certificate in identity.certificates]
        pieces = [Piece(OCSP, der) for der in ocsp if der is not None]
        return self.soap(pieces, content, attachments, part_headers)

    def soap(
        self,
        first: list[Piece],
        content: bytes,
        attachments: Sequence[bytes] = (),
        part_headers: str = "",
    ) -> Letter:
        """Sign an envelope and attachments; return the whole message."""
        pieces = [*first, Piece(SOAP, content)]
        if attachments:
            pieces.append(nested(attachments, part_headers))
        signature = self.sign(soap_parts(content, attachments))
        return Letter((*pieces, *seal_pieces(signature)))

    def soap_batch(
        self, content: bytes, *attachments: Sequence[bytes]
    ) -> Iterator[Letter]:
        """Sign one envelope with several sets of attachments in one batch."""
        batch = [soap_parts(content, each) for each in attachments]
        signed = sign_messages(self.template, self.signer, batch, self.at)
        for each, signature in zip(attachments, signed, strict=True):
            letter = self.soap_request(content, each)
            kept = letter.without(RESULT, CHAIN, SIGNATURE).pieces
            yield Letter((*kept, *seal_pieces(signature)))

    def answer(
        self, to: Http, *, status: int = 200, body: bytes | None = b"ok"
    ) -> Letter:
        """Answer a request as a provider's server would."""
        asked, sent = heard(to)
        return self.answer_to(
            asked, None if sent is None else SHA512.of(sent), status=status, body=body
        )

    def answer_to(
        self,
        asked: RestRequest,
        body_digest: bytes | None,
        *,
        status: int = 200,
        body: bytes | None = b"ok",
    ) -> Letter:
        """Answer any request, whoever sent it."""
        made = RestResponse.from_service(
            status,
            "OK",
            [("Content-Type", "text/plain")],
            request=asked,
            request_hash=request_hash(asked.digest, body_digest),
        )
        return self.sealed([], Piece(RESPONSE, made.block), body)

    def sealed(self, first: list[Piece], block: Piece, body: bytes | None) -> Letter:
        """Sign a block and a body; return the whole message."""
        parts = [Part.of("/message.xml", block.content)]
        pieces = [*first, block]
        if body is not None:
            parts.append(Part.of("/attachment1", body))
            pieces.append(Piece(BODY, body))
        return Letter((*pieces, *seal_pieces(self.sign(parts))))

    def sign(self, *messages: Sequence[Part]) -> SignatureData:
        """Sign messages as one batch; return what belongs to the first."""
        return sign_messages(self.template, self.signer, messages, self.at)[0]

    @property
    def template(self) -> SignatureTemplate:
        chain = (self.signer.certificate, *self.instance.ca.chain)
        ocsp = [self.ocsp(certificate) for certificate in chain]
        return SignatureTemplate(
            self.signer.certificate,
            self.signer.algorithm,
            chain=chain[1:],
            ocsp_responses=[der for der in ocsp if der is not None],
        )


def soap_parts(content: bytes, attachments: Sequence[bytes] = ()) -> list[Part]:
    """Return what is signed of an envelope and its attachments."""
    parts = [Part.of("/message.xml", content)]
    for number, attachment in enumerate(attachments, 1):
        parts.append(Part.of(f"/attachment{number}", attachment))
    return parts


def nested(attachments: Sequence[bytes], part_headers: str = "") -> Piece:
    """Return the part that holds all attachments."""
    pieces = [
        Piece("application/octet-stream", one, part_headers).wire("xattAttacker")
        for one in attachments
    ]
    return Piece(ATTACHMENTS, b"\r\n" + b"".join(pieces) + b"--xattAttacker--\r\n")


def seal_pieces(data: SignatureData) -> list[Piece]:
    """Return the parts that a signature travels in."""
    pieces = [Piece(SIGNATURE, data.signature)]
    if data.hash_chain_result is not None and data.hash_chain is not None:
        pieces[:0] = [Piece(RESULT, data.hash_chain_result)]
        pieces[1:1] = [Piece(CHAIN, data.hash_chain)]
    return pieces


def heard(message: Http) -> tuple[RestRequest, bytes | None]:
    """Read a request between servers: its block and its body."""
    reader = MessageReader(message.get("content-type") or "")
    events = [*reader.receive_data(message.body), *reader.receive_eof()]
    (block,) = [event.content for event in events if isinstance(event, Message)]
    body = [event.data for event in events if isinstance(event, BodyData)]
    return RestRequest.parse(block), b"".join(body) if body else None
