"""RSA, one signature for messages that come together, and elliptic curves, side by side.

The set-up is that of `bench.exchange`, with 64 clients. Servers with and without batches
take turns on one instance, so that both see the same machine; elliptic curves need an
instance of their own, and one signature per message as RSA has it there.
"""

import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench._running import (
    cpu_seconds,
    run_load,
    sign_in_batches,
    start_instance,
    start_servers,
)
from bench.exchange import crypto_bound
from bench.rows import Row
from kerege.exchange.keys import KeyAlgorithm
from kerege.sandbox.builder import Instance

PREFIX = ("exchange.batch", "exchange.ecdsa")
CLIENTS = 64
TURNS = 2
SECONDS = {"small": 4.0, "full": 20.0}
SETUP = f"500-byte bodies, one worker each, {CLIENTS} clients"


def rows(scale: str) -> list[Row]:
    """Measure."""
    return uvloop.run(_measure(SECONDS[scale]))


async def _measure(seconds: float) -> list[Row]:
    bound = crypto_bound()
    single, batch, cpu = await _rsa(seconds)
    ecdsa = await _ecdsa(seconds)
    name = "exchange.batch"
    return [
        Row(f"{name}.messages_per_second", batch, "1/s", f"RSA-2048, {SETUP}"),
        Row(f"{name}.gain", batch / single, "", f"{single:.0f}/s with one each"),
        Row(
            f"{name}.share_of_crypto_bound",
            100 * batch / bound,
            "%",
            f"bound {bound:.0f}/s in the same run, with one signature per message",
        ),
        Row(f"{name}.cpu_ms_per_message", cpu, "ms", "both servers"),
        Row("exchange.ecdsa.messages_per_second", ecdsa, "1/s", f"P-256, {SETUP}"),
        Row("exchange.ecdsa.gain", ecdsa / single, "", "one signature per message"),
    ]


async def _rsa(seconds: float) -> tuple[float, float, float]:
    """Return messages a second one by one, in batches, and what the latter cost."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    costs = []
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            instance = await start_instance(stack, folder)
            for batches in [False, True] * TURNS:
                rate, cost = await _turn(instance, seconds, batches=batches)
                rates[batches].append(rate)
                if batches:
                    costs.append(cost)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return (
        sum(rates[False]) / TURNS,
        sum(rates[True]) / TURNS,
        sum(costs) / TURNS,
    )


async def _ecdsa(seconds: float) -> float:
    folder = Path(tempfile.mkdtemp(prefix="kerege-bench-"))
    try:
        async with AsyncExitStack() as stack:
            instance = await start_instance(stack, folder, keys=KeyAlgorithm.EC_P256)
            rates = [
                (await _turn(instance, seconds, batches=False))[0] for _ in range(TURNS)
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return sum(rates) / TURNS


async def _turn(
    instance: Instance, seconds: float, *, batches: bool
) -> tuple[float, float]:
    """Return messages a second, and milliseconds of processor time for each."""
    sign_in_batches(instance, batches=batches)
    async with AsyncExitStack() as stack:
        servers = await start_servers(stack, instance)
        await run_load(instance, 8, 1.0)
        pids = [server.process.pid for server in servers]
        before = cpu_seconds(*pids)
        load = await run_load(instance, CLIENTS, seconds)
        cost = 1000 * (cpu_seconds(*pids) - before) / load.done
    return load.rate, cost
