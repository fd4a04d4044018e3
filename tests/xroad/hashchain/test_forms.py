"""Reading a hash chain by the form of the last one: never other than the parser does."""

import os

import pytest
from hypothesis import given, settings, strategies as st

from kerege.xroad.algorithms import SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import HashChainInput, _read, build_hash_chains
from kerege.xroad.hashchain._forms import read_chain, read_result


def chains_of(*numbers: int):
    """Return chains of messages with so many parts each, with fresh digests."""
    inputs = [
        HashChainInput(
            tuple((f"/{part}", SHA512.of(os.urandom(8))) for part in range(number))
        )
        for number in numbers
    ]
    return build_hash_chains(inputs)


@pytest.mark.parametrize("numbers", [(2,), (3,), (1, 1), (2, 1, 4)])
def test_the_next_chain_is_read_as_the_parser_reads_it(numbers):
    for _ in range(3):
        built = chains_of(*numbers)
        assert read_result(built.result) == _read.read_result(built.result)
        for chain in built.chains:
            assert read_chain(chain) == _read.read_chain(chain)


@settings(max_examples=300)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_chain_is_read_or_refused_as_by_the_parser(at, byte):
    read_chain(chains_of(2).chains[0])
    changed = bytearray(chains_of(2).chains[0])
    changed[at % len(changed)] = byte
    assert outcome(read_chain, bytes(changed)) == outcome(
        _read.read_chain, bytes(changed)
    )


def outcome(read, document: bytes):
    try:
        return read(document)
    except XRoadError as error:
        return error.code, error.message
