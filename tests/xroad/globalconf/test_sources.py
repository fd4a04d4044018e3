"""Where configurations are asked for, and of whom."""

from dataclasses import replace

from hypothesis import given, strategies as st

from kerege.xroad.globalconf import Anchor, AnchorSource, SharedParameters
from kerege.xroad.globalconf.federation import FederationFilter
from kerege.xroad.globalconf.sources import (
    VersionRange,
    anchor_locations,
    ordered_locations,
    shared_parameter_locations,
    versioned_urls,
)
from kerege.xroad.globalconf.values import ConfigurationSource
from tests.xroad.globalconf.central import shared_parameters
from tests.xroad.globalconf.strategies import code_of


def anchor(*urls: str) -> Anchor:
    return Anchor("KG", tuple(AnchorSource(url, (b"anchor",)) for url in urls))


def nodes(*addresses: str) -> SharedParameters:
    sources = tuple(
        ConfigurationSource(address, (b"internal",), (b"external",))
        for address in addresses
    )
    return replace(shared_parameters(), sources=sources)


def in_order(locations: list[object]) -> None:
    """Shuffle nothing."""


def test_nodes_come_before_the_anchor_and_https_before_http() -> None:
    found = ordered_locations(
        anchor("http://cs/internalconf"), nodes("one", "two"), shuffle=in_order
    )
    assert [(f.url, f.verification_certificates) for f in found] == [
        ("https://one/internalconf", (b"internal",)),
        ("https://two/internalconf", (b"internal",)),
        ("http://one/internalconf", (b"internal",)),
        ("http://two/internalconf", (b"internal",)),
        ("https://cs/internalconf", (b"anchor",)),
        ("http://cs/internalconf", (b"anchor",)),
    ]


def test_the_last_good_location_comes_first_with_all_its_certificates() -> None:
    found = ordered_locations(
        anchor("http://one/internalconf"),
        nodes("one", "two"),
        shuffle=in_order,
        last_good="http://one/internalconf",
    )
    assert found[0].url == "http://one/internalconf"
    assert found[0].verification_certificates == (b"internal", b"anchor")
    assert found[1].url == "https://one/internalconf"
    assert len(found) == 4


def test_an_anchor_that_has_only_https_is_used_as_it_is() -> None:
    https = anchor("https://cs/externalconf")
    assert ordered_locations(https, None, shuffle=in_order) == list(
        anchor_locations(https)
    )
    (secure, plain) = shared_parameter_locations(https, nodes("one"))
    assert (secure.url, plain.url) == (
        "https://one/externalconf",
        "http://one/externalconf",
    )
    assert secure.verification_certificates == (b"external",)


def test_before_the_first_download_only_the_anchor_is_known() -> None:
    found = ordered_locations(
        anchor("http://cs/x", "file:///x"), None, shuffle=in_order
    )
    assert [f.url for f in found] == ["https://cs/x", "http://cs/x", "file:///x"]
    assert shared_parameter_locations(anchor("file:///x"), nodes("one")) == ()


def test_versions_are_asked_from_the_newest_down() -> None:
    assert versioned_urls("http://cs/internalconf", VersionRange()) == tuple(
        f"http://cs/internalconf?version={v}" for v in (6, 5, 4, 3, 2)
    )
    (kept,) = versioned_urls("http://cs/?a=1&version=4", VersionRange())
    assert kept == "http://cs/?a=1&version=4"
    (fixed,) = versioned_urls("http://cs/?version=4&a=%20", VersionRange(fixed=3))
    assert fixed == "http://cs/?a=+&version=3"


@given(st.text(max_size=40), st.text(max_size=20))
def test_the_own_instance_is_allowed_whatever_the_setting(
    allowed: str, own: str
) -> None:
    assert FederationFilter(own, allowed).allows(own)


@given(st.permutations(["all", "KZ", " ", "None"]))
def test_none_beats_everything(names: list[str]) -> None:
    assert not FederationFilter("KG", ",".join(names)).allows("KZ")


@given(st.text(max_size=30) | st.sampled_from(["http://[", "http://[::1/", "//[x]"]))
def test_any_text_as_a_url_gives_urls_or_a_fault(url: str) -> None:
    code = code_of(lambda: versioned_urls(url, VersionRange()))
    assert code in {"", "global_conf_get_version_failed"}
