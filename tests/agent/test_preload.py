"""`python -m agent.preload` with a module of the library that prints something: `python -m platform`."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("modules", [("json", "shlex"), ("no.such.module",)])
def test_it_becomes_the_service_when_a_line_comes(modules: tuple[str, ...]):
    assert run("platform", *modules, told="\n") == run_plainly("platform")


def test_it_ends_where_no_line_will_come():
    assert run("platform", told="") == ""


def run(*arguments: str, told: str) -> str:
    return _output("agent.preload", *arguments, told=told)


def run_plainly(module: str) -> str:
    return _output(module, told="")


def _output(*arguments: str, told: str) -> str:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, input=told, capture_output=True, text=True, check=True).stdout
