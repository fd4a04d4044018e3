"""ASiC-E containers: a signed message, its signature and its time-stamp in a ZIP file.

`write_container` and `iter_container` make them, `read_container` takes them apart,
`verify_container` raises on the first thing that is wrong, `examine_container` reports
every check.
"""

from kerege.xroad.asic.message import MessageInfo
from kerege.xroad.asic.names import MIME_TYPE, Direction, container_name
from kerege.xroad.asic.reader import Attachment, Container, read_container
from kerege.xroad.asic.report import Check, CheckName, ContainerReport, Verdict
from kerege.xroad.asic.verify import (
    ContainerTrust,
    examine_container,
    verify_container,
)
from kerege.xroad.asic.writer import (
    BatchTimestamp,
    ContainerParts,
    iter_container,
    write_container,
)

__all__ = [
    "MIME_TYPE",
    "Attachment",
    "BatchTimestamp",
    "Check",
    "CheckName",
    "Container",
    "ContainerParts",
    "ContainerReport",
    "ContainerTrust",
    "Direction",
    "MessageInfo",
    "Verdict",
    "container_name",
    "examine_container",
    "iter_container",
    "read_container",
    "verify_container",
    "write_container",
]
