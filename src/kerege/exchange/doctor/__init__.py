"""The doctor: looks at a Security Server from the outside, as an operator would.

Rules:

* It changes nothing: no file, no row, nothing at other servers. From the network it
  asks what the server asks too: the configuration's sources, one status of each
  certificate, one time-stamp of each service.
* Each check is a small function in the module of its area; `catalogue` lists them.
  They run at the same time, each for a bounded time; one that crashes is a finding.
* A finding has a code that never changes its meaning, and says what is wrong, with
  which thing, what follows and what to do.
"""

from kerege.exchange.doctor.examination import KeyReader, Limits
from kerege.exchange.doctor.examine import Progress, chosen_checks, examine
from kerege.exchange.doctor.findings import Finding, Severity, worst

__all__ = [
    "Finding",
    "KeyReader",
    "Limits",
    "Progress",
    "Severity",
    "chosen_checks",
    "examine",
    "worst",
]
