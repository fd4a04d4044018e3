"""Building hash chains: a binary tree over the inputs, one chain for each."""

from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, overload
from xml.sax.saxutils import escape

from kerege.xroad.algorithms import SHA512, Digest
from kerege.xroad.hashchain._digest_list import step_digest

SIGNATURE_CHAIN_NAME = "/sig-hashchain.xml"
"""The chain's document beside a signature (`MessageFileNames.java`)."""
TIMESTAMP_CHAIN_NAME = "/ts-hashchain.xml"
"""The chain's document beside a batch time-stamp."""

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NAMESPACES = (
    'xmlns:hc="http://cyber.ee/hashchain" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
)


class HashChainInput(NamedTuple):
    """What one chain covers: a document alone, or a message with its attachments."""

    parts: tuple[tuple[str, bytes], ...]
    """URI and digest of each part, in order; all digests of the chain's algorithm."""


class HashChains(NamedTuple):
    """A finished tree."""

    result: bytes
    """The ``HashChainResult`` document; empty if there were no inputs."""
    chains: Sequence[bytes]
    """One ``HashChain`` document for each input, in the order of the inputs. Each is
    written when it is asked for: ten thousand of them are 34 MB."""


def build_hash_chains(
    inputs: Sequence[HashChainInput],
    digest: Digest = SHA512,
    *,
    chain_name: str = SIGNATURE_CHAIN_NAME,
) -> HashChains:
    """Build the tree over ``inputs`` and return its top and its chains.

    Args:
        inputs: What to cover, each with at least one part.
        digest: The algorithm of the tree and of all digests given.
        chain_name: URI under which verifiers find the chain of their input.

    Raises:
        ValueError: if an input has no parts, or the only input has a single part:
            then there is nothing to chain, and the document is signed itself.
    """
    if any(not each.parts for each in inputs):
        raise ValueError("An input of a hash chain has no parts")
    if not inputs:
        return HashChains(b"", ())
    if len(inputs) == 1 and len(inputs[0].parts) == 1:
        raise ValueError("A single document without attachments has no hash chain")
    if len(inputs) == 1:
        return _alone(inputs[0], digest, chain_name)
    tree = _Tree([_leaf(each, digest) for each in inputs], digest)
    top = tree.value(0) or b""
    result = _result_document(top, digest, chain_name)
    return HashChains(result, _Chains(tree, inputs, digest))


def _alone(message: HashChainInput, digest: Digest, chain_name: str) -> HashChains:
    """Return the chain of one message with attachments: a step, and no tree above."""
    step = [_data_ref(uri, value) for uri, value in message.parts]
    top = _leaf(message, digest)
    return HashChains(
        _result_document(top, digest, chain_name), (_chain_document([step], digest),)
    )


def _leaf(each: HashChainInput, digest: Digest) -> bytes:
    if len(each.parts) == 1:
        return each.parts[0][1]
    return step_digest(digest, *[value for _, value in each.parts])


class _Tree:
    """A binary tree in an array: node i has the children 2i+1 and 2i+2.

    Inner nodes come first, then the leaves. A missing right child lets the left child
    take its parent's place.
    """

    def __init__(self, leaves: list[bytes], digest: Digest) -> None:
        self.height = (len(leaves) - 1).bit_length()
        self.inner = (1 << self.height) - 1
        first_missing = self.inner + len(leaves)
        self._values: list[bytes | None] = [None] * (2 * self.inner + 1)
        self._values[self.inner : first_missing] = leaves
        for node in range(self.inner - 1, -1, -1):
            left, right = self._values[2 * node + 1], self._values[2 * node + 2]
            if left is not None and right is not None:
                self._values[node] = step_digest(digest, left, right)
            else:
                self._values[node] = left

    def value(self, node: int) -> bytes | None:
        """Return the digest of a node, or None if no leaf is below it."""
        return self._values[node]


class _Chains(Sequence[bytes]):
    """The chains of a tree."""

    def __init__(
        self, tree: _Tree, inputs: Sequence[HashChainInput], digest: Digest
    ) -> None:
        self._tree = tree
        self._inputs = inputs
        self._digest = digest

    def __len__(self) -> int:
        return len(self._inputs)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        steps = _steps(self._tree, index, self._inputs[index].parts)
        return _chain_document(steps, self._digest)


def _steps(
    tree: _Tree, index: int, parts: tuple[tuple[str, bytes], ...]
) -> list[list[str]]:
    """Return the entries of each step on the way from the top to a leaf."""
    levels: list[tuple[int, bytes]] = []
    node = 0
    for level in range(tree.height - 1, -1, -1):
        side = index >> level & 1
        child, other = 2 * node + 1 + side, 2 * node + 2 - side
        other_value = tree.value(other)
        if other_value is not None:
            levels.append((side, other_value))
        node = child
    steps = []
    single = len(parts) == 1
    for number, (side, beside) in enumerate(levels):
        last = single and number == len(levels) - 1
        own = _data_ref(*parts[0]) if last else _step_ref(number + 1)
        other_entry = _hash_value(beside)
        steps.append([other_entry, own] if side else [own, other_entry])
    if not single:
        steps.append([_data_ref(uri, value) for uri, value in parts])
    return steps


def _data_ref(uri: str, value: bytes) -> str:
    return f'<hc:DataRef URI="{_attribute(uri)}">{_digest_value(value)}</hc:DataRef>'


def _step_ref(number: int) -> str:
    return f'<hc:StepRef URI="#STEP{number}"/>'


def _hash_value(value: bytes) -> str:
    return f"<hc:HashValue>{_digest_value(value)}</hc:HashValue>"


def _digest_value(value: bytes) -> str:
    return (
        f"<ds:DigestValue>{b2a_base64(value, newline=False).decode()}</ds:DigestValue>"
    )


def _chain_document(steps: list[list[str]], digest: Digest) -> bytes:
    body = "".join(
        f'<hc:HashStep id="STEP{number}">{"".join(entries)}</hc:HashStep>'
        for number, entries in enumerate(steps)
    )
    return (
        f"{_DECLARATION}<hc:HashChain {_NAMESPACES}>"
        f'<hc:DefaultDigestMethod Algorithm="{digest.uri}"/>{body}</hc:HashChain>'
    ).encode()


def _result_document(top: bytes, digest: Digest, chain_name: str) -> bytes:
    return (
        f"{_DECLARATION}<hc:HashChainResult {_NAMESPACES} "
        f'URI="{_attribute(chain_name)}#STEP0">'
        f'<ds:DigestMethod Algorithm="{digest.uri}"/>{_digest_value(top)}'
        "</hc:HashChainResult>"
    ).encode()


@lru_cache(maxsize=1024)
def _attribute(text: str) -> str:
    """Return a URI as an attribute's text; the same few come again and again."""
    return escape(text, {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
