"""The launcher with real processes: small services that note what happens to them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agent.launcher import Terminal, run
from agent.service_process import ServiceSpec

TINY = Path(__file__).with_name("tiny_service.py")
WAIT_S = 20.0
Make = Callable[..., ServiceSpec]


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def tiny(journal: Path) -> Make:
    ports = iter(free_ports(4))

    def make(name: str, *behaviour: str) -> ServiceSpec:
        port = next(ports)
        command = (sys.executable, str(TINY), name, str(port), str(journal), *behaviour)
        return ServiceSpec(name, command, "127.0.0.1", port, f"{name.upper()}_PORT")

    return make


def events(journal: Path) -> list[str]:
    """What happened, without the process ids."""
    return [line.rpartition(" ")[0] for line in journal.read_text().splitlines()]


def alive(journal: Path) -> list[str]:
    """Lines of the journal whose process is still there."""
    return [line for line in journal.read_text().splitlines() if _runs(int(line.split()[-1]))]


def _runs(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes do; fail after a while."""
    give_up_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up_s
        time.sleep(0.02)


class Launched:
    """A launcher in a process of its own, as `make run` starts it."""

    def __init__(self, specs: list[ServiceSpec], logs: Path) -> None:
        code = (
            "import asyncio, pathlib, re\n"
            "from agent.launcher import Terminal, run\n"
            "from agent.service_process import ServiceSpec\n"
            f"running = run({specs!r}, pathlib.Path({str(logs)!r}), Terminal(), 'welcome')\n"
            "raise SystemExit(asyncio.run(running))"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def until_welcome(self) -> None:
        assert self.process.stdout
        assert "welcome\n" in iter(self.process.stdout.readline, "")

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launched]]:
    started: list[Launched] = []

    def start(*specs: ServiceSpec) -> Launched:
        started.append(Launched(list(specs), tmp_path))
        return started[-1]

    yield start
    for launched in started:
        launched.process.kill()
        launched.process.communicate()


def patient(spec: ServiceSpec) -> ServiceSpec:
    """It runs at once, and begins when it is told."""
    waits = ("/bin/sh", "-c", 'read -r _ && exec "$0" "$@"')
    return replace(spec, command=(*waits, *spec.command), is_patient=True)


@pytest.mark.parametrize("kind", [lambda spec: spec, patient])
async def test_each_starts_when_the_one_before_is_ready(
    tiny: Make, journal: Path, tmp_path: Path, kind: Callable[[ServiceSpec], ServiceSpec]
):
    specs = [kind(tiny("a", "slow")), kind(tiny("b", "slow")), kind(tiny("c", "dies"))]
    await run(specs, tmp_path, Terminal(), "")
    assert events(journal)[:5] == ["started a", "ready a", "started b", "ready b", "started c"]


async def test_the_last_one_is_stopped_first(tiny: Make, journal: Path, tmp_path: Path):
    await run([tiny("a"), tiny("b"), tiny("c", "dies")], tmp_path, Terminal(), "")
    assert events(journal)[-2:] == ["stopped b", "stopped a"]


async def test_a_wait_says_for_what(tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    await run([tiny("a", "slow"), tiny("b", "broken")], tmp_path, Terminal(), "")
    assert "a: reading page 1, " in capsys.readouterr().out


async def test_one_that_cannot_start_is_named_with_its_last_words(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    status = await run([tiny("a"), tiny("b", "broken")], tmp_path, Terminal(), "")
    assert (status, "b ended with status 1" in (said := capsys.readouterr().err)) == (1, True)
    assert "no ink" in said


async def test_one_that_dies_later_is_named_and_the_rest_is_stopped(
    tiny: Make, journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    status = await run([tiny("a"), tiny("b", "dies")], tmp_path, Terminal(), "")
    assert (status, alive(journal)) == (1, [])
    assert "b ended with status 3" in (said := capsys.readouterr().err)
    assert "out of paper" in said


async def test_one_that_is_killed_is_said_to_be(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    killed = replace(tiny("a"), command=("/bin/sh", "-c", "kill -KILL $$"))
    assert await run([killed], tmp_path, Terminal(), "") == 1
    assert "a was ended by SIGKILL" in capsys.readouterr().err


async def test_a_taken_port_is_named_before_anything_starts(
    tiny: Make, journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    specs = [tiny("a"), tiny("b")]
    with socket.create_server(("127.0.0.1", specs[1].port)):
        assert await run(specs, tmp_path, Terminal(), "") == 1
    assert f"b: cannot listen on 127.0.0.1 port {specs[1].port}" in capsys.readouterr().err
    assert events(journal) == []


async def test_a_port_that_two_want_is_named(tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    first = tiny("a")
    assert await run([first, replace(tiny("b"), port=first.port)], tmp_path, Terminal(), "") == 1
    assert "set B_PORT to another port" in capsys.readouterr().err


async def test_one_that_is_never_ready_is_given_up(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    mute = replace(tiny("a"), command=("/bin/sleep", "600"), ready_limit_s=0.3)
    assert await run([mute], tmp_path, Terminal(), "") == 1
    assert "a is not ready after 0.3 s: starting" in capsys.readouterr().err


async def test_only_trouble_in_a_log_reaches_the_terminal(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    await run([tiny("a", "warns"), tiny("b", "slow", "dies")], tmp_path, Terminal(), "")
    assert "[a] 12:00:00 WARNING low on ink" in (said := capsys.readouterr().out)
    assert "all is well" not in said


async def test_cancelling_stops_the_services(tiny: Make, journal: Path, tmp_path: Path):
    running = asyncio.create_task(run([tiny("a")], tmp_path, Terminal(), ""))
    await asyncio.to_thread(until, lambda: "ready a" in events(journal))
    running.cancel()
    await asyncio.wait([running])
    assert alive(journal) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_is_no_failure(
    tiny: Make, journal: Path, launch: Callable[..., Launched], number: signal.Signals
):
    launched = launch(tiny("a"), tiny("b", "child"))
    launched.until_welcome()
    assert (launched.end(number), alive(journal)) == (0, [])


def test_a_second_signal_does_not_wait(tiny: Make, journal: Path, launch: Callable[..., Launched]):
    launched = launch(replace(tiny("a", "deaf"), stop_limit_s=600))
    launched.until_welcome()
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.stdout
    assert "Stopping ...\n" in iter(launched.process.stdout.readline, "")
    assert (launched.end(signal.SIGINT), alive(journal)) == (0, [])


def test_one_that_ignores_sigterm_is_killed_after_the_limit(
    tiny: Make, journal: Path, launch: Callable[..., Launched]
):
    launched = launch(replace(tiny("a", "deaf"), stop_limit_s=0.2))
    launched.until_welcome()
    assert (launched.end(signal.SIGTERM), alive(journal)) == (0, [])


def test_ctrl_c_while_one_starts_leaves_nothing(tiny: Make, journal: Path, launch: Callable[..., Launched]):
    launched = launch(tiny("a"), replace(tiny("b"), ready_path="/nowhere", command=("/bin/sleep", "600")))
    until(lambda: "ready a" in events(journal))
    assert (launched.end(signal.SIGINT), alive(journal)) == (0, [])


def test_a_launcher_that_is_killed_leaves_nothing(tiny: Make, journal: Path, launch: Callable[..., Launched]):
    launched = launch(tiny("a"), tiny("b", "deaf", "child"))
    launched.until_welcome()
    os.kill(launched.process.pid, signal.SIGKILL)
    until(lambda: alive(journal) == [])
