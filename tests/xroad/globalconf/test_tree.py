"""A configuration as a tree of files."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from kerege.xroad.faults import XRoadError
from kerege.xroad.globalconf import (
    NEVER,
    PartMetadata,
    directory_name,
    load_tree,
)
from kerege.xroad.globalconf.tree import TreeLoader
from kerege.xroad.identifiers import ClientId
from tests.xroad.globalconf import central
from tests.xroad.globalconf.central import NOW
from tests.xroad.globalconf.strategies import code_of, damaged

LATER = NOW + timedelta(minutes=10)
METADATA = PartMetadata(LATER, 6, "SHARED-PARAMETERS", "KG", "/V6/1/x.xml", "x.xml")


def tree(version: int = 6, **more: bytes) -> dict[str, bytes]:
    metadata = PartMetadata(LATER, version).to_json()
    files = {
        "instance-identifier": b"KG\n",
        "KG/shared-params.xml": central.shared_parameters().to_xml(version=version),
        "KG/shared-params.xml.metadata": metadata,
        "KG/private-params.xml": central.private_parameters().to_xml(),
        "KG/private-params.xml.metadata": metadata,
    }
    return files | {name.replace("__", "/"): data for name, data in more.items()}


def neighbour(expires: object = LATER) -> dict[str, bytes]:
    assert expires is None or hasattr(expires, "year")
    files = {"KZ/shared-params.xml": central.shared_parameters("KZ").to_xml()}
    metadata = PartMetadata(expires or NEVER, 6)
    return files | {"KZ/shared-params.xml.metadata": metadata.to_json()}


def test_a_complete_tree_is_loaded() -> None:
    conf = load_tree(tree() | neighbour(), at=NOW)
    assert conf.instance == "KG"
    assert conf.instances == ("KG", "KZ")
    assert conf.problems == ()
    assert conf.expires == LATER
    conf.require_current(NOW)


def test_the_earlier_expiry_counts() -> None:
    early = PartMetadata(NOW, 6).to_json()
    for name in ("shared", "private"):
        files = tree() | {f"KG/{name}-params.xml.metadata": early}
        assert load_tree(files).expires == NOW


def test_without_metadata_a_file_is_of_the_second_version_and_never_expires() -> None:
    files = {n: d for n, d in tree(2).items() if not n.endswith(".metadata")}
    conf = load_tree(files)
    assert (conf.version, conf.expires) == (2, NEVER)


def test_a_federated_instance_is_left_out_when_it_has_expired() -> None:
    files = tree() | neighbour()
    assert load_tree(files, at=LATER).instances == ("KG",)
    (problem,) = load_tree(files, at=LATER).problems
    assert problem.code == "global_conf_outdated"
    assert load_tree(files).instances == ("KG", "KZ")


def test_the_own_instance_is_kept_when_it_has_expired_and_says_so() -> None:
    conf = load_tree(tree(), at=LATER + timedelta(days=1))
    assert conf.instances == ("KG",)
    with pytest.raises(XRoadError) as refused:
        conf.require_current(LATER + timedelta(days=1))
    assert refused.value.code == "global_conf_outdated"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("KZ/shared-params.xml", b"not xml", "malformed_global_conf"),
        ("KZ/shared-params.xml.metadata", b"not json", "malformed_global_conf"),
        ("KZ/shared-params.xml.metadata", b"[]", "malformed_global_conf"),
        ("KZ/shared-params.xml.metadata", b"{" * 100_000, "malformed_global_conf"),
        (
            "KZ/shared-params.xml.metadata",
            b'{"expirationDate": "soon"}',
            "malformed_global_conf",
        ),
        (
            "KZ/shared-params.xml.metadata",
            b'{"configurationVersion": "six"}',
            "malformed_global_conf",
        ),
        (
            "KZ/shared-params.xml.metadata",
            b'{"configurationVersion": 7}',
            "malformed_global_conf",
        ),
        ("KZ/private-params.xml", b"<x/>", "malformed_global_conf"),
        (
            "KZ/shared-params.xml",
            central.shared_parameters("UZ").to_xml(),
            "global_conf_part_invalid_instance_identifier",
        ),
    ],
)
def test_an_instance_that_cannot_be_read_is_left_out_with_the_reason(
    name: str, data: bytes, code: str
) -> None:
    conf = load_tree(tree() | neighbour() | {name: data})
    assert conf.instances == ("KG",)
    (problem,) = conf.problems
    assert problem.code == code
    assert "KZ" in problem.message


def test_an_extension_part_that_cannot_be_read_leaves_the_default() -> None:
    files = tree() | {"KG/nextupdate-params.xml": b"?"}
    conf = load_tree(files)
    assert conf.extensions.verify_ocsp_next_update
    assert [problem.code for problem in conf.problems] == ["malformed_global_conf"]
    good = (
        b'<c:conf xmlns:c="http://x-road.eu/xsd/xroad.xsd"><monitoringClient>'
        b'<monitoringClientId i:objectType="MEMBER" '
        b'xmlns:i="http://x-road.eu/xsd/identifiers"><i:xRoadInstance>KG'
        b"</i:xRoadInstance><i:memberClass>GOV</i:memberClass>"
        b"<i:memberCode>1</i:memberCode></monitoringClientId></monitoringClient></c:conf>"
    )
    conf = load_tree(tree() | {"KG/monitoring-params.xml": good})
    assert conf.monitoring_client == ClientId("KG", "GOV", "1")


@pytest.mark.parametrize("identifier", [None, b"", b"  ", b"..", b"\xff", b"x" * 300])
def test_a_tree_that_is_nobodys_is_refused(identifier: bytes | None) -> None:
    files = tree()
    del files["instance-identifier"]
    if identifier is not None:
        files["instance-identifier"] = identifier
    assert code_of(lambda: load_tree(files)) == "malformed_global_conf"


@given(damaged(METADATA.to_json()))
def test_damaged_metadata_is_read_or_refused(data: bytes) -> None:
    code = code_of(lambda: PartMetadata.from_json(data))
    assert code in {"", "malformed_global_conf"}


@given(
    st.builds(
        PartMetadata,
        st.integers(0, 2**33).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        st.integers(2, 6),
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
    )
)
def test_metadata_survives_json(metadata: PartMetadata) -> None:
    assert PartMetadata.from_json(metadata.to_json()) == metadata


@given(
    st.dictionaries(
        st.sampled_from([*tree(), "KZ/shared-params.xml", "x/y/z", "files"]),
        st.sampled_from([b"", b"KG", b"{}", *tree().values()]),
    )
)
def test_any_tree_is_a_configuration_or_a_fault(files: dict[str, bytes]) -> None:
    assert code_of(lambda: load_tree(files)) in {"", "malformed_global_conf"}


def test_the_folder_of_an_instance_is_named_as_java_encodes_it() -> None:
    assert directory_name("central-server") == "central-server"
    assert directory_name("A B/~*._ö") == "A+B%2F%7E*._%C3%B6"
    for wrong in ("", ".", "..", "x" * 256):
        assert code_of(lambda wrong=wrong: directory_name(wrong)) == (
            "malformed_global_conf"
        )


def test_what_has_not_changed_is_not_read_again() -> None:
    loader = TreeLoader()
    first = loader.load(tree() | neighbour(), at=NOW)
    later = PartMetadata(LATER + timedelta(hours=1), 6).to_json()
    files = tree() | {
        "KG/shared-params.xml.metadata": later,
        "KG/private-params.xml.metadata": later,
    }
    second = loader.load(files, at=NOW)
    assert second.shared_parameters("KG") is first.shared_parameters("KG")
    assert second.expires == LATER + timedelta(hours=1)
    assert set(loader.loaded) == {"KG"}
    changed = central.in_maintenance(central.shared_parameters(), None).to_xml()
    third = loader.load(files | {"KG/shared-params.xml": changed}, at=NOW)
    assert third.shared_parameters("KG") != first.shared_parameters("KG")
    again = loader.load(tree() | neighbour(), at=LATER)
    assert again.instances == ("KG",)
    assert set(loader.loaded) == {"KG", "KZ"}
