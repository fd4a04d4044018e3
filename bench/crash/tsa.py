"""A time-stamping authority as a process of its own: `python -m bench.crash.tsa ROOT`."""

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from kerege.sandbox.builder import load
from kerege.sandbox.layout import TRUST_ADDRESS, Files
from kerege.trust.ca import utc_now
from kerege.trust.tsa import time_stamping_unit, tsa_application


async def run(root: Path) -> None:
    """Serve the instance's time-stamps until killed."""
    instance = load(Files(root))
    application = tsa_application(time_stamping_unit(instance.ca), clock=utc_now)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, TRUST_ADDRESS, instance.ports.tsa, reuse_address=True)
    await site.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
