"""Run services side by side: in order, watched, and stopped together.

start the first -> it answers -> start the next -> ... -> welcome -> wait
a signal, or the end of any service -> stop them, the last one first
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from agent.service_process import (
    ServiceFailed,
    ServiceProcess,
    ServiceSpec,
    process_group,
    refuse_taken_ports,
)

PROGRESS_S = 5.0
"""Between two lines on the same wait, where a line cannot be rewritten in place."""


class Terminal:
    """What a person sees: one line a service, rewritten while it starts where the terminal can."""

    def __init__(self) -> None:
        self._rewrites = sys.stdout.isatty()
        self._pending = False
        self._last = ("", "")
        self._next_s = 0.0

    def say(self, line: str, *, file: str = "stdout") -> None:
        """Print a line for good."""
        if self._pending:
            print("\r\x1b[K", end="")
            self._pending = False
        print(line, file=getattr(sys, file), flush=True)

    def waiting(self, service: ServiceProcess, why: str) -> None:
        """Show what a service is doing and for how long; often called, seldom printing."""
        line = f"… {service.spec.name}: {why}, {service.age_s:.0f} s"
        if self._rewrites:
            print(f"\r\x1b[K{line}", end="", flush=True)
            self._pending = True
        elif (service.spec.name, why) != self._last or time.monotonic() > self._next_s:
            self._last = (service.spec.name, why)
            self._next_s = time.monotonic() + PROGRESS_S
            print(line, flush=True)


async def run(specs: Sequence[ServiceSpec], logs: Path, terminal: Terminal, welcome: str) -> int:
    """Run the services until a signal (status 0) or until one of them fails (status 1).

    Each logs to a file in the folder `logs`, which exists.
    Nothing is left running, whichever way this ends; cancelling stops the services too.
    """
    services: list[ServiceProcess] = []
    async with process_group() as group:
        serving = asyncio.create_task(_serve(specs, group, logs, services, terminal, welcome))
        with _signals(lambda: _stop(serving, services, terminal)):
            try:
                return await _outcome(serving, terminal)
            finally:
                serving.cancel()
                for service in reversed(services):
                    await service.stop()


async def _serve(
    specs: Sequence[ServiceSpec],
    group: int,
    logs: Path,
    services: list[ServiceProcess],
    terminal: Terminal,
    welcome: str,
) -> None:
    """Start each when the one before is ready, then watch all; ends by ServiceFailed or cancellation.

    Those that wait to be told are run at once, and import meanwhile what they need.
    """
    refuse_taken_ports(specs)
    async with asyncio.TaskGroup() as watches, aiohttp.ClientSession() as http:
        ahead = {
            spec.name: await ServiceProcess.run(spec, group, logs / f"{spec.name}.log")
            for spec in specs
            if spec.is_patient
        }
        for spec in specs:
            service = ahead.get(spec.name) or await ServiceProcess.run(spec, group, logs / f"{spec.name}.log")
            services.append(service)
            service.start()
            watches.create_task(service.watch(_shower(spec.name, terminal)))
            await service.until_ready(http, lambda why, it=service: terminal.waiting(it, why))
            terminal.say(f"✓ {spec.name} is ready after {service.age_s:.1f} s ({spec.url})")
        terminal.say(welcome)


async def _outcome(serving: asyncio.Task[None], terminal: Terminal) -> int:
    """Wait for the end of `serving`: 0 where it was told to stop, 1 where a service failed."""
    await asyncio.wait([serving])
    if serving.cancelled():
        return 0
    try:
        serving.result()
    except* ServiceFailed as failures:
        for failure in failures.exceptions:
            terminal.say(f"✗ {failure}", file="stderr")
        terminal.say("Stopping the others ...", file="stderr")
    return 1


def _shower(name: str, terminal: Terminal) -> Callable[[str], None]:
    return lambda line: terminal.say(f"  [{name}] {line}")


def _stop(serving: asyncio.Task[None], services: Sequence[ServiceProcess], terminal: Terminal) -> None:
    """The first signal stops in order; the next one at once."""
    if not serving.done() and not serving.cancelling():
        terminal.say("\nStopping ...")
        serving.cancel()
        return
    for service in services:
        service.kill()


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at each Ctrl-C, SIGTERM, or loss of the terminal."""
    loop = asyncio.get_running_loop()
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in caught:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
