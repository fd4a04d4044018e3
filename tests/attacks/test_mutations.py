"""A few hundred of the mutants that `mutations` sends by the ten thousand."""

import itertools
from dataclasses import replace
from unittest.mock import Mock

import pytest

from kerege.exchange.security_server.received import ReceivedMessage
from tests.attacks.essence import UNREADABLE, essence
from tests.attacks.messages import REQUEST, SIGNATURE, Author
from tests.attacks.mutants import KINDS, Original, mutants
from tests.attacks.mutations import run
from tests.instances import sandbox_instance
from tests.vectors import needs_recordings


@pytest.mark.slow
@needs_recordings
@pytest.mark.parametrize(
    ("side", "count"),
    [
        ("provider", 300),
        ("consumer", 200),
        ("soap-provider", 300),
        ("soap-consumer", 200),
    ],
)
async def test_no_mutant_is_forwarded(side, count, tmp_path):
    report = await run(side, count, 7, tmp_path)
    assert report.problems == []
    assert report.sent == count
    assert set(report.kinds) == set(KINDS)
    assert report.same_forwarded > 0


@needs_recordings
async def test_without_verification_mutants_are_forwarded(tmp_path, monkeypatch):
    """The count is worth something: it sees when the guard is away."""

    unverified = Mock()  # has a signing time, which nobody looks at here
    monkeypatch.setattr(ReceivedMessage, "verify", lambda *_: unverified)
    report = await run("provider", 60, 7, tmp_path)
    assert len(report.forwarded) > 5


def original(body=None):
    instance = sandbox_instance()
    author = Author.of(instance, instance.consumer)
    path = f"/r1/{instance.provider.clients[0].path}/echo"
    return author.request(path, method="POST", body=body)


def test_the_same_seed_gives_the_same_mutants():
    originals = [
        Original("a", original().posted()),
        Original("b", original(b"x").posted()),
    ]
    first, again, other = (
        [m.raw for m in itertools.islice(mutants(originals, seed), 50)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_every_kind_of_mutant_differs_from_its_original():
    originals = [
        Original("a", original().posted()),
        Original("b", original(b"x").posted()),
    ]
    made = list(itertools.islice(mutants(originals, 1), 30 * len(KINDS)))
    assert all(mutant.raw != mutant.origin.raw for mutant in made)
    changed = {mutant.kind for mutant in made if not mutant.means_the_same}
    assert changed == set(KINDS)


CHANGES = {
    "block": lambda m: m.with_content(REQUEST, m.of(REQUEST) + b"X:1\r\n"),
    "signature": lambda m: m.with_content(
        SIGNATURE, m.of(SIGNATURE).replace(b"2026", b"2027", 1)
    ),
    "parts": lambda m: m.without(SIGNATURE),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_that_matters_is_another_essence(what):
    letter = original()
    changed = essence(CHANGES[what](letter).posted())
    assert changed != UNREADABLE
    assert not changed.includes(essence(letter.posted()))


UNREADABLE_MESSAGES = {
    "nothing": lambda _: b"",
    "no framing": lambda _: b"POST / HTTP/1.1\r\n\r\n",
    "cut off": lambda m: m.posted()[:-4],
    "no multipart": lambda m: m.posted(content_type="text/xml"),
    "another method": lambda m: m.posted().replace(b"POST /", b"PUT /", 1),
}


@pytest.mark.parametrize("what", UNREADABLE_MESSAGES)
def test_what_the_reader_cannot_read_is_unreadable(what):
    assert essence(UNREADABLE_MESSAGES[what](original())) == UNREADABLE


def test_a_change_that_does_not_matter_is_the_same_essence():
    letter = original()
    known = essence(letter.posted())
    assert essence(replace(letter, boundary="another").posted()).includes(known)
    assert essence(letter.posted(x_other="1")).includes(known)
