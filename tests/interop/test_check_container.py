"""Containers against tools that know nothing of X-Road: unzip, xmlsec1, openssl.

``check_container.sh`` uses no code of this project. It must accept what we write and
what the reference wrote, and refuse what was changed.
"""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kerege.xroad.asic import ContainerParts, write_container
from kerege.xroad.globalconf.values import ConfigurationSource
from tests.vectors import LIVE, needs_recordings
from tests.xroad.asic.containers import (
    BODY,
    batch_stamped,
    instance,
    request_block,
    response_block,
    signed,
    single_stamped,
    with_body,
    with_entries,
    without_body,
)

SCRIPT = Path(__file__).with_name("check_container.sh")
TOOLS = ("bash", "openssl", "unzip", "xmllint", "xmlsec1")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
RECORDED = LIVE / "asic"
TRUSTED = RECORDED / "verificationconf" / "verificationconf" / "TEST"

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"
)


@pytest.fixture(scope="module")
def parameters(tmp_path_factory):
    """The sandbox instance's shared parameters, as a file."""
    shared = replace(
        instance().shared_parameters(), sources=(ConfigurationSource("cs.test"),)
    )
    path = tmp_path_factory.mktemp("conf") / "shared-params.xml"
    path.write_bytes(shared.to_xml())
    return path


def check(container: Path, parameters: Path) -> tuple[bool, list[str]]:
    done = subprocess.run(
        ["bash", SCRIPT, container, parameters],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode == 0) == (lines[-1] == "VERIFIED"), done.stderr
    return done.returncode == 0, lines


def written(stamp, message, *bodies, by=None, companions=0) -> bytes:
    data = signed(message, *bodies, by=by, companions=companions)
    parts: ContainerParts = replace(stamp(message, data), attachments=bodies)
    return write_container(parts, time=instance().at)


OURS = {
    "alone, no body": lambda: without_body(in_batch=False),
    "stamped in a batch, no body": without_body,
    "with a body": with_body,
    "signed in a batch": lambda: written(
        single_stamped, request_block(), BODY, companions=4
    ),
    "signed and stamped in batches": lambda: written(
        batch_stamped, request_block(), companions=6
    ),
    "response of the provider": lambda: written(
        single_stamped, response_block(), b"", by=instance().provider.signer
    ),
    "two bodies": lambda: written(batch_stamped, request_block(), BODY, b"two"),
}


@pytest.mark.parametrize("kind", OURS)
def test_what_we_write_is_accepted(kind, parameters, tmp_path):
    container = tmp_path / "c.asice"
    container.write_bytes(OURS[kind]())
    is_verified, lines = check(container, parameters)
    assert is_verified, lines


def test_a_changed_body_is_refused(parameters, tmp_path):
    container = tmp_path / "c.asice"
    container.write_bytes(with_entries(with_body(), {"attachment1": b"{}"}))
    is_verified, lines = check(container, parameters)
    assert not is_verified
    assert lines[-1] == "FAILED  hash chain: /attachment1 was changed"


@needs_recordings
@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=f"{path.parent.name}/{path.stem}")
        for path in sorted(RECORDED.glob("ss*/*.asice"))
    ],
)
def test_what_the_reference_wrote_is_accepted(path):
    is_verified, lines = check(path, TRUSTED / "shared-params.xml")
    assert is_verified, lines


@needs_recordings
@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem)
        for path in sorted(RECORDED.glob("tampered/*.asice"))
    ],
)
def test_what_was_changed_by_hand_is_refused(path):
    is_verified, lines = check(path, TRUSTED / "shared-params.xml")
    assert not is_verified, lines
