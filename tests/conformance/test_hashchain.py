"""Rows ``hashchain`` and ``hashchain-builder`` of the vectors."""

import base64
from collections.abc import Callable

import pytest

from kerege.xroad.algorithms import SHA256
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import (
    HashChainInput,
    InputDigest,
    build_hash_chains,
    verify_hash_chain,
)
from tests.vectors import Row, needs_vectors, rows

pytestmark = needs_vectors

Inputs = dict[str, InputDigest | None]
CHAIN, CHAIN2, MESSAGE = "/hashchain.xml", "/hashchain2.xml", "/message.xml"
ATTACHED = ["/message.xml", "/attachment1", "/attachment2", "/attachment3"]


def given(value: bytes) -> InputDigest:
    return InputDigest(SHA256, value)


def setting(row: Row) -> tuple[dict[str, bytes], Inputs]:
    """Return the documents that can be resolved, and the inputs, of a row."""
    documents = {CHAIN: row.read(1)}
    one_byte = {uri: given(bytes([11 + i])) for i, uri in enumerate(ATTACHED)}
    inputs: Inputs = {MESSAGE: None}
    match row.case:
        case "simpleAttachedInput":
            inputs = {MESSAGE: given(SHA256.of(row.read(2)))}
        case "simpleUnusedInputs":
            message = given(SHA256.of(row.read(2)))
            inputs = {MESSAGE: message, "/unused1": None, "/unused2": None}
        case "simpleDigestMismatch":
            inputs = {MESSAGE: given(SHA256.of(row.read(1)))}
        case "simpleTwoHashChains":
            documents |= {CHAIN2: row.read(2), MESSAGE: row.read(3)}
        case "attachments":
            inputs = dict(one_byte)
        case "attachmentsCannotResolve":
            inputs = {MESSAGE: one_byte[MESSAGE]}
        case _:
            documents[MESSAGE] = row.read(2)
    return documents, inputs


@pytest.mark.parametrize("row", rows("hashchain"))
def test_a_hash_chain_gets_the_verdict_of_the_reference(row: Row):
    documents, inputs = setting(row)

    def verify() -> None:
        report = verify_hash_chain(
            row.read(0),
            inputs=inputs,
            resolve=documents.get,
            trust_missing=lambda _: row.case == "attachmentsCannotResolve",
        )
        assert report.used == set(inputs)
        missing = ATTACHED[1:] if row.case == "attachmentsCannotResolve" else []
        assert [uri for uri, _ in report.trusted] == missing

    if row.expected == "pass":
        verify()
        return
    with pytest.raises(XRoadError) as refused:
        verify()
    assert refused.value.code == row.error_code


def plain(*values: bytes) -> list[HashChainInput]:
    return [HashChainInput(((MESSAGE, value),)) for value in values]


def with_attachments(*values: bytes) -> HashChainInput:
    return HashChainInput(tuple(zip(ATTACHED, values, strict=False)))


def check_all(inputs: list[HashChainInput]) -> tuple[bytes, ...]:
    """Build, and verify every chain with exactly its own input."""
    tree = build_hash_chains(inputs, SHA256, chain_name=CHAIN)
    assert len(tree.chains) == len(inputs)
    for chain, each in zip(tree.chains, inputs, strict=True):
        verify_hash_chain(
            tree.result,
            inputs={uri: given(value) for uri, value in each.parts},
            resolve={CHAIN: chain}.get,
        )
    return tree.chains


def top_of(row: Row, inputs: list[HashChainInput]) -> None:
    """The row's notes give the top of the tree."""
    top = row.notes.split("top base64 = ")[1].split()[0]
    tree = build_hash_chains(inputs, SHA256)
    assert f"<ds:DigestValue>{top}</ds:DigestValue>".encode() in tree.result
    assert len(base64.b64decode(top)) == 32
    check_all(inputs)


def large_trees() -> None:
    for size in range(2, 353):
        tree = build_hash_chains(plain(*(b"%d" % i for i in range(size))), SHA256)
        assert len(set(tree.chains)) == size
    check_all(plain(*(b"%d" % i for i in range(352))))


def no_inputs() -> None:
    tree = build_hash_chains([], SHA256)
    assert (tree.result, tree.chains) == (b"", ())


BUILDER_CASES: dict[str, Callable[[Row], object]] = {
    "hashValues": lambda row: top_of(
        row,
        plain(*(SHA256.of(word) for word in (b"one", b"two", b"three", b"four"))),
    ),
    "singleInputAttachment": lambda row: top_of(
        row, [with_attachments(b"\x0b", b"\x0c", b"\x0d", b"\x0e")]
    ),
    "treeBuilding": lambda _: [
        check_all(plain(*(bytes([i]) for i in range(size))))
        for size in (*range(2, 10), 15)
    ],
    "largeTreeBuilding": lambda _: large_trees(),
    "attachments": lambda _: check_all(
        [
            *plain(b"\x00"),
            with_attachments(b"\x0b", b"\x0c", b"\x0d", b"\x0e"),
            *plain(b"\x03"),
            with_attachments(b"\x29", b"\x2a"),
        ]
    ),
    "noInputs": lambda _: no_inputs(),
}


@pytest.mark.parametrize("row", rows("hashchain-builder"))
def test_our_trees_are_those_of_the_reference(row: Row):
    assert row.expected == "pass"
    BUILDER_CASES[row.case](row)
