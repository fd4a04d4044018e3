"""A seeded mutator of messages between servers.

`mutants` takes messages as they are on the wire and gives endlessly many that differ
from them: bits, bytes and slices, two messages spliced, parts dropped, doubled, moved
and exchanged, block headers injected, boundaries, headers, lengths and chunks that lie.
The same seed gives the same mutants.

Each mutant says whether it means something else than every original (`essence`): such
must never be forwarded. One that means the same may be, as what it came from.
"""

import itertools
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.attacks.essence import Part, essence, http_body, read_head, split

Rng = random.Random


@dataclass(frozen=True)
class Original:
    """A message that a server accepts."""

    name: str
    raw: bytes = field(repr=False)
    is_answer: bool = False

    @property
    def head(self) -> list[bytes]:
        """Start line and headers, without those that frame the body."""
        lines = self.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
        framing = (b"content-length:", b"transfer-encoding:", b"expect:")
        return [line for line in lines if not line.lower().startswith(framing)]

    @property
    def body(self) -> bytes:
        """The multipart, its chunks joined."""
        return http_body(self.raw, is_answer=self.is_answer)[1]

    @property
    def boundary(self) -> bytes:
        """Between its parts."""
        _, headers = read_head(self.raw.partition(b"\r\n\r\n")[0])
        found = re.search(rb'boundary="?([^";]+)', headers[b"content-type"])
        assert found is not None
        return found[1]

    @property
    def parts(self) -> list[Part]:
        """Its parts."""
        return list(split(self.body, self.boundary))


@dataclass(frozen=True)
class Mutant:
    """What became of an original."""

    kind: str
    origin: Original
    raw: bytes = field(repr=False)
    means_the_same: bool


def mutants(originals: Sequence[Original], seed: int) -> Iterator[Mutant]:
    """Give mutants for ever."""
    rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    known = [essence(one.raw, is_answer=one.is_answer) for one in originals]
    kinds = list(KINDS.items())
    number = 0
    while True:
        name, kind = kinds[number % len(kinds)]
        number += 1
        origin = rng.choice(originals)
        raw = kind(rng, origin, originals)
        if raw == origin.raw:
            continue
        meant = essence(raw, is_answer=origin.is_answer)
        same = any(meant.includes(one) for one in known)
        yield Mutant(name, origin, raw, same)


# Writing.


def framed(rng: Rng, head: Sequence[bytes], body: bytes) -> bytes:
    """Put an HTTP message together, with its length or in chunks."""
    if rng.random() < 0.5:
        lines = [*head, b"Content-Length: %d" % len(body)]
        return b"\r\n".join([*lines, b"", body])
    lines = [*head, b"Transfer-Encoding: chunked"]
    return b"\r\n".join([*lines, b"", b"".join(chunked(rng, body))])


def chunked(rng: Rng, body: bytes) -> list[bytes]:
    """Cut a body into chunks, the last one empty."""
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(6)))
    edges = [0, *cuts, len(body)]
    data = [body[a:b] for a, b in itertools.pairwise(edges) if a < b]
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in data]
    return [*chunks, b"0\r\n\r\n"]


def joined(parts: Sequence[Part], boundary: bytes) -> bytes:
    """Write a multipart."""
    lines = [
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, part.head, part.content)
        for part in parts
    ]
    return b"".join(lines) + b"--" + boundary + b"--\r\n"


def somewhere(rng: Rng, data: bytes) -> tuple[int, int]:
    """Return a slice, mostly a short one."""
    if not data:
        return 0, 0
    start = rng.randrange(len(data))
    most = rng.choice([1, 4, 64, 1024, len(data)])
    return start, min(len(data), start + 1 + rng.randrange(most))


# Bytes.


def flipped(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5]) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def replaced(rng: Rng, data: bytes) -> bytes:
    start, end = somewhere(rng, data)
    kinds = [bytes(end - start), rng.randbytes(end - start), b"", b"\r\n", b"--", b"\0"]
    return data[:start] + rng.choice(kinds) + data[end:]


def inserted(rng: Rng, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    kinds = [
        rng.randbytes(1),
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b" ",
        b"<!-- -->",
    ]
    return data[:at] + rng.choice(kinds) + data[at:]


def doubled(rng: Rng, data: bytes) -> bytes:
    start, end = somewhere(rng, data)
    return data[:end] + data[start:end] + data[end:]


def moved(rng: Rng, data: bytes) -> bytes:
    start, end = somewhere(rng, data)
    rest = data[:start] + data[end:]
    at = rng.randrange(len(rest) + 1)
    return rest[:at] + data[start:end] + rest[at:]


def cut(rng: Rng, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[at:] if rng.random() < 0.2 else data[:at]


BYTES = (flipped, replaced, inserted, doubled, moved, cut)


def in_body(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change bytes anywhere in the multipart."""
    return framed(rng, origin.head, rng.choice(BYTES)(rng, origin.body))


def one_bit(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Flip bits anywhere in the multipart."""
    return framed(rng, origin.head, flipped(rng, origin.body))


def in_part(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change bytes of one part, small parts as often as large ones."""
    parts = origin.parts
    at = rng.randrange(len(parts))
    changed = rng.choice(BYTES)(rng, parts[at].content)
    parts[at] = replace(parts[at], content=changed)
    return framed(rng, origin.head, joined(parts, origin.boundary))


def in_value(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change what stands between two tags of the signature or its chain."""
    parts = origin.parts
    at = rng.choice([n for n, p in enumerate(parts) if b"</" in p.content])
    places = list(re.finditer(rb'>([^<>]+)<|"([^"]*)"', parts[at].content))
    place = rng.choice(places)
    group = 1 if place[1] is not None else 2
    start, end = place.span(group)
    content = parts[at].content
    changed = (
        content[:start] + rng.choice(BYTES)(rng, content[start:end]) + content[end:]
    )
    parts[at] = replace(parts[at], content=changed)
    return framed(rng, origin.head, joined(parts, origin.boundary))


def spliced(rng: Rng, origin: Original, all_: Sequence[Original]) -> bytes:
    """Begin with one message and end with another."""
    other = rng.choice(all_)
    body = other.body.replace(other.boundary, origin.boundary)
    a, b = origin.body, body
    start, end = rng.randrange(len(a) + 1), rng.randrange(len(b) + 1)
    return framed(rng, origin.head, a[:start] + b[end:])


# Parts.


def with_parts(rng: Rng, origin: Original, all_: Sequence[Original]) -> bytes:
    """Drop, double, move or exchange parts."""
    parts = origin.parts
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.randrange(len(parts))
        action = rng.randrange(6)
        if action == 0 and len(parts) > 1:
            del parts[at]
        elif action == 1:
            parts.insert(rng.randrange(len(parts) + 1), parts[at])
        elif action == 2:
            parts.insert(rng.randrange(len(parts)), parts.pop(at))
        elif action == 3:
            parts[at] = rng.choice(rng.choice(all_).parts)
        elif action == 4:
            parts.insert(at, rng.choice(rng.choice(all_).parts))
        else:
            parts[at] = replace(parts[at], content=b"")
    return framed(rng, origin.head, joined(parts, origin.boundary))


def same_part_of_another(rng: Rng, origin: Original, all_: Sequence[Original]) -> bytes:
    """Exchange parts for those of the same kind in another message."""
    parts, others = origin.parts, rng.choice(all_).parts
    kinds = [part.media_type for part in others]
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(parts))
        kind = parts[at].media_type
        if kind in kinds:
            parts[at] = others[kinds.index(kind)]
    return framed(rng, origin.head, joined(parts, origin.boundary))


PART_HEADS = (
    b"content-type: text/plain",
    b"Content-Type:application/x-road-rest-body",
    b"content-transfer-encoding: base64",
    b"content-transfer-encoding: quoted-printable",
    b"content-encoding: gzip",
    b"content-length: 3",
    b"content-disposition: attachment; filename=../../x",
    b"x: \r\n folded",
    b"x\r\n\r\nhidden",
    b": x",
    b"x: \0",
)


def part_heads(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change the head of a part."""
    parts = origin.parts
    at = rng.randrange(len(parts))
    line, head = rng.choice(PART_HEADS), parts[at].head
    kinds = [line + b"\r\n" + head, head + b"\r\n" + line, line, b""]
    kinds += [rng.choice(BYTES)(rng, head), parts[rng.randrange(len(parts))].head]
    parts[at] = replace(parts[at], head=rng.choice(kinds))
    return framed(rng, origin.head, joined(parts, origin.boundary))


def boundaries(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change boundaries: in one place, in all, or inside of a content."""
    name, body = origin.boundary, origin.body
    other = rng.choice([name[:-1], name + b"x", name.lower(), b"x", name + b"--"])
    action = rng.randrange(5)
    if action == 0:
        body = joined(origin.parts, other)
    elif action == 1:
        places = [m.start() for m in re.finditer(re.escape(name), body)]
        at = rng.choice(places)
        body = body[:at] + other + body[at + len(name) :]
    elif action == 2:
        at = rng.randrange(len(body))
        line = rng.choice([b"\r\n--%s\r\n", b"\r\n--%s--\r\n", b"--%s", b"\n--%s\n"])
        body = body[:at] + line % name + body[at:]
    elif action == 3:
        head = [line.replace(name, other) for line in origin.head]
        return framed(rng, head, body)
    else:
        body = body.replace(
            b"\r\n--" + name, rng.choice([b"\n--", b"--", b"\r--"]) + name
        )
    return framed(rng, origin.head, body)


INJECTED = (
    b"X-Road-Client:TEST/GOV/5678/Service",
    b"x-road-client:TEST/COM/1234",
    b"X-Road-Id:other",
    b"x-road-request-id:00000000-0000-4000-8000-000000000000",
    b"x-road-request-hash:AAAA",
    b"x-road-service:TEST/GOV/5678/Service/other",
    b"X-Road-UserId:root",
    b"Host:internal",
    b"Content-Length:0",
    b"Transfer-Encoding:chunked",
    b"Authorization:Basic cm9vdA==",
    b"X:1\r\nX-Injected:2",
    b"X:1\nHost:internal",
    b"X:1\rHost:internal",
    b"X:\0",
    b"X:1\r\n\r\nGET /admin HTTP/1.1",
    b" folded",
    b"no colon",
    b"X Y:1",
    b"X:\xff",
)


def block_headers(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Inject a header into the block, take one away, change the first lines.

    Of SOAP, the envelope.
    """
    parts = origin.parts
    kinds = (b"application/x-road-rest-request", b"application/x-road-rest-response")
    at = next((n for n, p in enumerate(parts) if p.media_type in kinds), None)
    if at is None:
        return envelope_elements(rng, origin)
    lines = parts[at].content.split(b"\r\n")
    action, place = rng.randrange(5), rng.randrange(len(lines))
    if action == 0:
        lines.insert(place, rng.choice(INJECTED))
    elif action == 1:
        del lines[place]
    elif action == 2:
        lines[place] = rng.choice(BYTES)(rng, lines[place])
    elif action == 3:
        lines[0], lines[1] = rng.choice([b"DELETE", b"get", b"404", b""]), lines[1]
    else:
        lines[1] = lines[1] + rng.choice([b"/..", b"?x=1", b"/%2e%2e", b"#x", b" "])
    end = rng.choice([b"\r\n", b"\r\n", b"\r\n", b"\n"])
    parts[at] = replace(parts[at], content=end.join(lines))
    return framed(rng, origin.head, joined(parts, origin.boundary))


IN_ENVELOPES = (
    b"<!-- x -->",
    b"<?x y?>",
    b"<![CDATA[]]>",
    b" ",
    b"\n",
    b"&#32;",
    b"&x;",
    b"\xef\xbb\xbf",
    b"\xff",
    b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/x"/></a>',
    b"<xrd:id>other</xrd:id>",
    b"<xrd:userId>root</xrd:userId>",
    b"<xrd:requestHash>AAAA</xrd:requestHash>",
    b"<SOAP-ENV:Header/>",
    b"<SOAP-ENV:Body/>",
    b"<SOAP-ENV:Fault/>",
    b"<!DOCTYPE x>",
    b'<?xml version="1.0" encoding="ISO-8859-1"?>',
)


def envelope_elements(rng: Rng, origin: Original) -> bytes:
    """Put something between two pieces of an envelope's markup, or double one."""
    parts = origin.parts
    at = next(n for n, p in enumerate(parts) if p.media_type.endswith(b"xml"))
    content = parts[at].content
    places = [found.start() for found in re.finditer(rb"<", content)]
    start, end = sorted(rng.sample([*places, len(content)], 2))
    action = rng.randrange(4)
    if action == 0:
        changed = content[:end] + content[start:end] + content[end:]
    elif action == 1:
        changed = content[:start] + content[end:]
    else:
        changed = content[:start] + rng.choice(IN_ENVELOPES) + content[start:]
    parts[at] = replace(parts[at], content=changed)
    return framed(rng, origin.head, joined(parts, origin.boundary))


# HTTP.

HEADERS = (
    b"x-hash-algorithm: MD5",
    b"x-hash-algorithm: SHA-1",
    b"x-hash-algorithm: ",
    b"x-road-message-type: SOAP",
    b"x-road-message-type: rest",
    b"Content-Type: multipart/mixed",
    b"Content-Type: text/xml",
    b"Content-Type: multipart/related; boundary=x",
    b"Content-Length: 0",
    b"Content-Length: 7",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Content-Encoding: gzip",
    b"X: 1\n2",
    b"X\0: 1",
    b"X : 1",
    b" folded",
)


def http_headers(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Add, take away, exchange or damage HTTP headers."""
    head, at = list(origin.head), rng.randrange(len(origin.head))
    action = rng.randrange(4)
    if action == 0:
        head.insert(max(1, at), rng.choice(HEADERS))
    elif action == 1 and at:
        del head[at]
    elif action == 2:
        head[at] = rng.choice(BYTES)(rng, head[at])
    else:
        new = rng.choice(HEADERS)
        name = new.split(b":")[0].strip().lower()
        head = [x for x in head if not x.lower().startswith(name + b":")] + [new]
    return framed(rng, head, origin.body)


def lengths(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Lie about the length: too short, too long, twice, or beside chunks."""
    body = origin.body
    lie = rng.choice([0, 1, len(body) - 40, len(body) + 1, len(body) * 2, 2**40])
    lie = rng.choice([lie, rng.randrange(len(body))])
    told = [b"Content-Length: %d" % lie]
    action = rng.randrange(4)
    if action == 0:
        told.append(b"Content-Length: %d" % len(body))
    elif action == 1:
        told.append(b"Transfer-Encoding: chunked")
        body = b"".join(chunked(rng, body))
    elif action == 2:
        told = [
            rng.choice([b"Content-Length: +%d", b"Content-Length: %d,"]) % len(body)
        ]
    return b"\r\n".join([*origin.head, *told, b"", body])


def chunks(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Exchange, drop, double and mislabel chunks."""
    made = chunked(rng, origin.body)
    action, at = rng.randrange(6), rng.randrange(len(made))
    if action == 0:
        made.insert(rng.randrange(len(made)), made.pop(at))
    elif action == 1:
        del made[at]
    elif action == 2:
        made.insert(at, made[at])
    else:
        size, _, data = made[at].partition(b"\r\n")
        kinds = [b"-" + size, b"+" + size, b"0x" + size, size + b"0", b"f" * 17]
        kinds += [size[:-1], size + b";a\n", size + b";a\rb", size + b" ", size.upper()]
        made[at] = rng.choice(kinds) + b"\r\n" + data
    head = [*origin.head, b"Transfer-Encoding: chunked"]
    return b"\r\n".join([*head, b"", b"".join(made)])


def on_the_wire(rng: Rng, origin: Original, _: Sequence[Original]) -> bytes:
    """Change bytes of the whole message, framing and all; cut it off."""
    raw = framed(rng, origin.head, origin.body)
    return cut(rng, raw) if rng.random() < 0.3 else rng.choice(BYTES)(rng, raw)


Kind = Callable[[Rng, Original, Sequence[Original]], bytes]
KINDS: dict[str, Kind] = {
    "bits of the body": one_bit,
    "bytes of the body": in_body,
    "bytes of one part": in_part,
    "values in signature and chain": in_value,
    "two messages spliced": spliced,
    "parts dropped, doubled, moved": with_parts,
    "parts of another message": same_part_of_another,
    "heads of parts": part_heads,
    "boundaries": boundaries,
    "block headers": block_headers,
    "HTTP headers": http_headers,
    "lengths": lengths,
    "chunks": chunks,
    "bytes on the wire": on_the_wire,
}
