"""Verifying hash chains that somebody else built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from lxml import etree

from kerege.xroad.algorithms import Digest
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain._digest_list import digest_list
from kerege.xroad.hashchain._forms import read_chain, read_result
from kerege.xroad.hashchain._read import MALFORMED, Chain, Entry
from kerege.xroad.xml import parse, require_few_namespaces

MAX_ENTRIES = 10_000
"""Entries read while verifying, in all documents: attachments of one message."""
MAX_DEPTH = 64
"""Steps below each other: a tree of 2^63 messages."""
MAX_DOCUMENTS = 16
"""Chain documents that one chain may refer to; the profile needs one."""
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"

Resolver = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class InputDigest:
    """The digest of an input that was computed when the input was received."""

    algorithm: Digest
    value: bytes


@dataclass(frozen=True, slots=True)
class HashChainReport:
    """What a verified chain covers."""

    used: frozenset[str]
    """URIs of the given inputs that the chain covers: all of them."""
    trusted: tuple[tuple[str, InputDigest], ...]
    """Data references whose content was not at hand, with the chain's own digest."""


def verify_hash_chain(
    result: bytes,
    *,
    inputs: Mapping[str, InputDigest | None],
    resolve: Resolver,
    trust_missing: Callable[[str], bool] = lambda _uri: False,
    compare_references: bool = False,
) -> HashChainReport:
    """Check that a hash chain result follows from the inputs.

    Args:
        result: The ``HashChainResult`` document, whose signature somebody else checks.
        inputs: The documents that the chain must cover, by URI. Where the digest is
            ``None``, or of another algorithm, the content is resolved and hashed.
        resolve: Returns the content of a URI, or ``None``: chain documents, and
            documents without a given digest.
        trust_missing: Whether the digest in the chain may stand for a document that
            is not at hand. Containers say yes for what was not logged.
        compare_references: Whether a given digest is compared with its DataRef at
            once; else a changed document shows at the top of the chain.

    Raises:
        XRoadError: ``malformed_hash_chain`` if a document breaks the schema or a
            bound, ``invalid_reference`` if something cannot be resolved,
            ``invalid_hash_chain_ref`` if a document does not match its DataRef,
            ``invalid_hash_chain`` if the top differs from the result,
            ``hashchain_unused_inputs`` if the chain leaves an input out,
            ``unsupported_algorithm`` for digests and transforms not allowed.
    """
    return _Verifier(inputs, resolve, trust_missing, compare_references).verify(result)


@dataclass(slots=True)
class _Verifier:
    inputs: Mapping[str, InputDigest | None]
    resolve: Resolver
    trust_missing: Callable[[str], bool]
    compare_references: bool
    documents: dict[str, Chain] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    trusted: list[tuple[str, InputDigest]] = field(default_factory=list)
    compared: list[tuple[bytes, Entry]] = field(default_factory=list)
    hashed: dict[tuple[str, Digest, tuple[str, ...]], bytes] = field(
        default_factory=dict
    )
    open_steps: set[tuple[int, str]] = field(default_factory=set)
    seen_steps: set[tuple[int, str]] = field(default_factory=set)
    budget: int = MAX_ENTRIES

    def verify(self, result: bytes) -> HashChainReport:
        found = read_result(result)
        top = found.digest.of(self._step(found.uri, None))
        if not compare_digest(top, found.value):
            raise XRoadError(
                "invalid_hash_chain",
                "The hash chain result does not match the hash chain: something in "
                "the message was changed after signing",
            )
        for value, entry in self.compared:
            _require_equal(value, entry)
        unused = sorted(self.inputs.keys() - self.used)
        if unused:
            raise XRoadError(
                "hashchain_unused_inputs",
                f"The hash chain does not cover {', '.join(unused)[:255]}",
            )
        self._require_no_other_steps()
        return HashChainReport(frozenset(self.used), tuple(self.trusted))

    def _require_no_other_steps(self) -> None:
        """Refuse steps that lead nowhere: no signature covers what stands in them."""
        for chain in self.documents.values():
            for name in chain.steps:
                if (id(chain), name) not in self.seen_steps:
                    raise XRoadError(
                        MALFORMED, f"Nothing refers to the hash step {name[:255]!r}"
                    )

    def _step(self, uri: str, current: Chain | None) -> bytes:
        """Return the DER list of a step's digests, following references downwards."""
        name, _, fragment = uri.partition("#")
        chain = self._document(name) if name else current
        if chain is None or not fragment or fragment not in chain.steps:
            raise XRoadError(MALFORMED, f"There is no hash step {uri[:255]!r}")
        place = (id(chain), fragment)
        if place in self.open_steps or len(self.open_steps) >= MAX_DEPTH:
            raise XRoadError(
                MALFORMED, f"Hash steps form a circle or go too deep at {uri[:255]!r}"
            )
        self.open_steps.add(place)
        self.seen_steps.add(place)
        values = [self._entry(entry, chain) for entry in chain.steps[fragment]]
        self.open_steps.remove(place)
        return digest_list(values)

    def _entry(self, entry: Entry, chain: Chain) -> tuple[Digest, bytes]:
        self.budget -= 1
        if self.budget < 0:
            raise XRoadError(
                MALFORMED, f"The hash chain has more than {MAX_ENTRIES} entries"
            )
        if entry.kind == "StepRef":
            return entry.digest, entry.digest.of(self._step(entry.uri, chain))
        if entry.kind == "DataRef":
            return self._data(entry)
        return entry.digest, entry.value

    def _data(self, entry: Entry) -> tuple[Digest, bytes]:
        """Return the digest of a document; prefer the one computed on reception."""
        given = None
        if entry.uri in self.inputs:
            self.used.add(entry.uri)
            given = self.inputs[entry.uri]
        # The digest of raw bytes says nothing about a transformed document.
        if given and given.algorithm == entry.digest and not entry.transforms:
            if self.compare_references:
                _require_equal(given.value, entry)
            self.compared.append((given.value, entry))
            return entry.digest, given.value
        content = self.resolve(entry.uri)
        if content is None:
            if entry.uri not in self.inputs and self.trust_missing(entry.uri):
                self.trusted.append((entry.uri, InputDigest(entry.digest, entry.value)))
                return entry.digest, entry.value
            raise XRoadError(
                "invalid_reference",
                f"The hash chain refers to {entry.uri[:255]!r}, which is not here",
            )
        value = self._hash(content, entry)
        _require_equal(value, entry)
        return entry.digest, value

    def _hash(self, content: bytes, entry: Entry) -> bytes:
        """Hash a document once, however often the chain refers to it."""
        key = (entry.uri, entry.digest, entry.transforms)
        value = self.hashed.get(key)
        if value is None:
            value = entry.digest.of(_transformed(content, entry))
            self.hashed[key] = value
        return value

    def _document(self, name: str) -> Chain:
        if name not in self.documents:
            if len(self.documents) >= MAX_DOCUMENTS:
                raise XRoadError(
                    MALFORMED, f"More than {MAX_DOCUMENTS} hash chain documents"
                )
            content = self.resolve(name)
            if content is None:
                raise XRoadError(
                    "invalid_reference",
                    f"The hash chain document {name[:255]!r} is not here",
                )
            self.documents[name] = read_chain(content)
        return self.documents[name]


def _require_equal(value: bytes, entry: Entry) -> None:
    if not compare_digest(value, entry.value):
        raise XRoadError(
            "invalid_hash_chain_ref",
            f"{entry.uri[:255]} does not have the digest that the hash chain says",
        )


def _transformed(content: bytes, entry: Entry) -> bytes:
    for uri in entry.transforms:
        what, code = entry.uri[:255], "invalid_hash_chain_ref"
        root = parse(content, code=code, what=what)
        require_few_namespaces(root, content, code=code, what=what)
        content = etree.tostring(
            root.getroottree(),
            method="c14n",
            exclusive=uri == _EXCLUSIVE,
            with_comments=False,
        )
    return content
