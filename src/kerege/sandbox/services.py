"""What a sandbox serves in its own process: configuration, OCSP, time-stamps, register.

NOT FOR PRODUCTION.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from datetime import datetime

from aiohttp import web

from kerege.exchange.keys.signer import SoftwareSigner
from kerege.sandbox.builder import Instance
from kerege.sandbox.central import CentralPlan, ConfigurationPublisher
from kerege.sandbox.joining import follow
from kerege.sandbox.layout import TRUST_ADDRESS
from kerege.sandbox.people import register
from kerege.sandbox.provider import provider_application
from kerege.trust.ca import utc_now
from kerege.trust.key_kinds import PrivateKey
from kerege.trust.ocsp_responder import ocsp_application, ocsp_authorities
from kerege.trust.tsa import time_stamping_unit, tsa_application

CENTRAL_KEY = "configuration-signing-key"


async def start_services(
    stack: AsyncExitStack,
    instance: Instance,
    *,
    without: Collection[str] = (),
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Start the services; ``stack`` stops them.

    Args:
        stack: Owns what is started.
        instance: Whose services.
        without: What to leave out, because the caller brings its own:
            ``configuration``, ``ocsp``, ``tsa``, ``register``.
        clock: Tells the time.

    Raises:
        OSError: a port is taken.
    """
    publisher = configuration_publisher(
        instance.central, instance.central_key, clock=clock
    )
    ports = instance.ports
    services = {
        "configuration": (ports.configuration, publisher.application()),
        "ocsp": (
            ports.ca_ocsp,
            ocsp_application(ocsp_authorities(instance.ca), clock=clock),
        ),
        "tsa": (
            ports.tsa,
            tsa_application(time_stamping_unit(instance.ca), clock=clock),
        ),
        "register": (ports.provider, provider_application(register())),
    }
    for name, (port, application) in services.items():
        if name not in without:
            await _start(stack, application, port)
    for job in (publisher.keep_signing(), follow(instance, publisher)):
        stack.callback(asyncio.get_running_loop().create_task(job).cancel)


def configuration_publisher(
    central: CentralPlan,
    key: PrivateKey,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> ConfigurationPublisher:
    """Return what publishes ``central``, signed with its key."""
    signer = SoftwareSigner(
        central.signing_certificate, CENTRAL_KEY, {CENTRAL_KEY: key}
    )
    return ConfigurationPublisher(central, signer, clock=clock)


async def _start(
    stack: AsyncExitStack, application: web.Application, port: int
) -> None:
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, TRUST_ADDRESS, port).start()
