"""Certificate paths: every rule of a step, the refusal beside the success."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from kerege.xroad.certificates import LEGACY, Trust
from kerege.xroad.certificates._path import MAX_EXTRA, MAX_PATH, MAX_TRIES, Path, paths
from kerege.xroad.faults import XRoadError
from tests.xroad.certificates.pki import (
    NOW,
    Identity,
    Template,
    a_ca,
    issue,
    name,
    new_key,
    over_sha1,
    root,
    trust_in,
)

SECOND = timedelta(seconds=1)


def path_of(leaf: Identity, trust: Trust, *extra: Identity, at=NOW) -> Path:
    return next(paths(leaf.certificate, [e.certificate for e in extra], trust, at))


def refusal_of(leaf: Identity, trust: Trust, *extra: Identity, at=NOW) -> str:
    with pytest.raises(XRoadError) as refused:
        path_of(leaf, trust, *extra, at=at)
    assert refused.value.code == "cannot_create_cert_path.internal_error"
    return refused.value.message


def chain(*templates: Template) -> list[Identity]:
    """Root, intermediates by template, leaf."""
    identities = [root()]
    for number, template in enumerate(templates):
        identities.append(issue(f"CN=Int {number}", identities[-1], template))
    identities.append(issue("CN=Leaf", identities[-1]))
    return identities


def test_a_certificate_of_the_top_ca_has_a_path_of_two() -> None:
    top, leaf = chain()

    path = path_of(leaf, trust_in(top))

    assert path.certificates == (leaf.certificate, top.certificate)
    assert path.authority.name == "CA"
    assert path.valid_from == leaf.certificate.not_valid_before_utc
    assert path.valid_until == leaf.certificate.not_valid_after_utc


def test_intermediates_may_be_approved_or_come_along_in_any_order() -> None:
    top, first, second, leaf = chain(a_ca(), a_ca())
    expected = tuple(i.certificate for i in (leaf, second, first, top))

    assert path_of(leaf, trust_in(top, first, second)).certificates == expected
    assert path_of(leaf, trust_in(top), first, second).certificates == expected
    assert path_of(leaf, trust_in(top, second), leaf, first).certificates == expected
    assert path_of(leaf, trust_in(top), top, second, first).certificates == expected


def test_a_missing_intermediate_leaves_no_path() -> None:
    top, first, _second, leaf = chain(a_ca(), a_ca())

    assert "not an approved" in refusal_of(leaf, trust_in(top), first)


def test_a_stranger_s_ca_is_not_trusted_whatever_it_sends() -> None:
    top, leaf = chain()
    other_top, other_leaf = chain()

    assert "was not made" in refusal_of(other_leaf, trust_in(top), other_top)
    path_of(leaf, trust_in(top), other_top)


def test_an_approved_top_need_not_sign_itself() -> None:
    top, middle, leaf = chain(a_ca())

    path = path_of(leaf, trust_in(middle), top)

    assert path.certificates == (leaf.certificate, middle.certificate)


def test_two_top_cas_with_one_name_are_both_tried() -> None:
    old, new = root(), root()
    leaf = issue("CN=Leaf", new)
    trust = Trust("TEST", (*trust_in(old).authorities, *trust_in(new).authorities))

    assert path_of(leaf, trust).certificates[-1] == new.certificate


def test_a_cross_signed_intermediate_leads_to_the_approved_top() -> None:
    key = new_key()
    unknown, top = root("CN=Unknown"), root()
    by_unknown = issue("CN=Int", unknown, a_ca(), key)
    by_top = issue("CN=Int", top, a_ca(), key)
    leaf = issue("CN=Leaf", by_unknown)

    path = path_of(leaf, trust_in(top), by_unknown, unknown, by_top)

    assert path.certificates[1] == by_top.certificate


def test_cas_that_sign_each_other_do_not_make_a_loop() -> None:
    one, other = new_key(), new_key()
    seed = Identity(issue("CN=A", None, a_ca(), one).certificate, one)
    b_by_a = issue("CN=B", seed, a_ca(), other)
    a_by_b = issue("CN=A", b_by_a, a_ca(), one)
    leaf = issue("CN=Leaf", b_by_a)

    refusal_of(leaf, trust_in(root()), b_by_a, a_by_b)


@pytest.mark.parametrize("which", ["leaf", "intermediate"])
def test_every_certificate_below_the_top_is_valid_at_the_time(which: str) -> None:
    short = {"not_before": NOW - SECOND, "not_after": NOW + SECOND}
    top = root()
    middle = issue("CN=I", top, a_ca(**short if which == "intermediate" else {}))
    leaf = issue("CN=L", middle, Template(**short if which == "leaf" else {}))
    trust = trust_in(top, middle)

    path_of(leaf, trust)
    assert "is valid from" in refusal_of(leaf, trust, at=NOW - 3 * SECOND)
    assert "is valid from" in refusal_of(leaf, trust, at=NOW + 3 * SECOND)


def test_the_top_is_trusted_because_it_is_listed_even_when_it_expired() -> None:
    top = issue("CN=Root", None, a_ca(not_after=NOW - SECOND))
    leaf = issue("CN=Leaf", top)

    path_of(leaf, trust_in(top))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (Template(), "is not a CA"),
        (a_ca(basic=False), "is not a CA"),
        (a_ca(usages=("digital_signature",)), "keyCertSign"),
        (
            a_ca(extensions=[(x509.NameConstraints([x509.DNSName("x")], None), False)]),
            "name constraints",
        ),
    ],
)
def test_an_intermediate_must_be_allowed_to_issue(
    template: Template, reason: str
) -> None:
    top, _middle, leaf = identities = chain(template)

    assert reason in refusal_of(leaf, trust_in(top), *identities)


def test_an_intermediate_without_key_usage_may_issue() -> None:
    top, middle, leaf = chain(a_ca(usages=None))

    path_of(leaf, trust_in(top, middle))


def test_path_length_counts_the_cas_below() -> None:
    top, *cas, leaf = chain(a_ca(path_length=1), a_ca())
    path_of(leaf, trust_in(top, *cas))

    top, *cas, leaf = chain(a_ca(path_length=0), a_ca())
    assert "allows 0 CAs below it" in refusal_of(leaf, trust_in(top, *cas))


def test_path_length_does_not_count_a_ca_s_own_change_of_key() -> None:
    top = root()
    old = issue("CN=Int", top, a_ca(path_length=0))
    new = issue("CN=Int", old, a_ca(path_length=0))
    leaf = issue("CN=Leaf", new)

    path_of(leaf, trust_in(top), old, new)


@pytest.mark.parametrize("which", ["leaf", "intermediate"])
def test_an_unknown_critical_extension_is_refused(which: str) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    top = root()
    for critical in (False, True):
        more = {"extensions": [(unknown, critical)]}
        middle = issue("CN=I", top, a_ca(**more if which == "intermediate" else {}))
        leaf = issue("CN=L", middle, Template(**more if which == "leaf" else {}))
        trust = trust_in(top, middle)
        if critical:
            assert "1.2.3.4" in refusal_of(leaf, trust)
        else:
            path_of(leaf, trust)


def test_a_weak_signature_in_the_middle_breaks_the_path() -> None:
    key = rsa.generate_private_key(65537, 2048)
    top = issue("CN=Root", None, a_ca(), key)
    leaf = over_sha1(issue("CN=Leaf", top), top)

    path_of(leaf, trust_in(top, algorithms=LEGACY))
    assert "sha1" in refusal_of(leaf, trust_in(top))


def test_a_path_that_is_too_long_is_not_followed() -> None:
    longest = [a_ca() for _ in range(MAX_PATH - 2)]
    top, *cas, leaf = chain(*longest)
    assert len(path_of(leaf, trust_in(top, *cas)).certificates) == MAX_PATH

    top, *cas, leaf = chain(*longest, a_ca())
    assert "longer than" in refusal_of(leaf, trust_in(top, *cas))


def test_too_many_certificates_from_a_peer_are_refused_unread() -> None:
    top, leaf = chain()
    path_of(leaf, trust_in(top), *[leaf] * MAX_EXTRA)

    with pytest.raises(XRoadError, match="Too many"):
        path_of(leaf, trust_in(top), *[leaf] * (MAX_EXTRA + 1))


def test_a_mesh_of_cas_costs_a_bounded_number_of_signature_checks(monkeypatch) -> None:
    key = new_key()
    seed = Identity(issue("CN=A", None, a_ca(), key).certificate, key)
    mesh = [issue("CN=A", seed, a_ca(), key) for _ in range(MAX_EXTRA)]
    leaf = issue("CN=Leaf", seed)
    checked = []
    from kerege.xroad.certificates import _path

    real = _path.verify_issued
    monkeypatch.setattr(
        _path, "verify_issued", lambda *a, **k: (checked.append(1), real(*a, **k))
    )

    refusal_of(leaf, trust_in(root()), *mesh)

    assert len(checked) == MAX_TRIES


def test_a_name_alone_proves_nothing() -> None:
    top, _leaf = chain()
    impostor = Identity(top.certificate, new_key())
    forged = issue("CN=Leaf", impostor)

    assert forged.certificate.issuer == name("CN=Root")
    assert "was not made with the key" in refusal_of(forged, trust_in(top))
