"""Set an environment up: `python -m constraints.install embedded` (or dev, or train).

    a virtual environment -> a recent pip -> llama.cpp -> every package at its pinned version -> a check

Called by the Makefile when something it depends on has changed. Needs nothing but a Python.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

from constraints.llama_wheel import COMPILER_HINT, NoCompiler, compilers_missing, find_or_build
from constraints.progress import CommandFailed, fail, run, say

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD_PINS = HERE / "build.txt"


@dataclass(frozen=True)
class Environment:
    """Which packages go together, and where."""

    venv: str
    extras: str
    pins: str
    check: str
    """A line of Python that must run in it."""


EMBEDDED_CHECK = "import llama_cpp, pipecat, pocketsphinx, espeakng_loader"
ENVIRONMENTS = {
    "embedded": Environment(".venv", "embedded", "embedded.txt", EMBEDDED_CHECK),
    "dev": Environment(".venv", "embedded,dev", "dev.txt", f"{EMBEDDED_CHECK}, pytest"),
    "train": Environment(
        ".venv-train",
        "train,llm,asr-sphinx,test",
        "train.txt",
        "import torch, tokenizers, gguf, llama_cpp, pocketsphinx, pytest",
    ),
}


def set_up(environment: Environment) -> None:
    """Make the environment what its pins say, from nothing or from what is there.

    Raises CommandFailed or NoCompiler; what was done until then stays, and is used by the next try.
    """
    started_s = time.monotonic()
    venv = ROOT / environment.venv
    python = venv / "bin" / "python"
    log = venv / "set-up.log"
    if not _is_of_this_python(python):
        _create(venv)
    log.write_text("")
    pins = read_pins(HERE / environment.pins)
    run("pip: a recent one", [python, "-m", "pip", "install", f"pip=={read_pins(BUILD_PINS)['pip']}"], log)
    llama_wheel = find_or_build(python, pins["llama-cpp-python"], BUILD_PINS, log)
    packages = [f"--editable={ROOT}[{environment.extras}]", str(llama_wheel)]
    run(
        f"packages: {environment.extras} ({len(pins)} at most; about a minute)",
        [
            *(python, "-m", "pip", "install", "--progress-bar=off", "--constraint", HERE / environment.pins),
            "--no-compile",  # most modules are never imported; Python compiles and keeps those that are
            *("--build-constraint", BUILD_PINS, *packages),
        ],
        log,
        detail=PipWords(),
    )
    run("check: do they fit together", [python, "-m", "pip", "check"], log)
    run("check: do they load", [python, "-c", environment.check], log)
    say(f"set up: {environment.venv} for {environment.extras}, {time.monotonic() - started_s:.0f} s")


def read_pins(path: Path) -> dict[str, str]:
    """Names and versions of a constraints file and of those it includes (`-c other.txt`)."""
    pins: dict[str, str] = {}
    for line in path.read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-c "):
            pins |= read_pins(path.parent / line[3:])
        elif line:
            name, _, version = line.partition(";")[0].strip().partition("==")
            pins[name] = version
    return pins


class PipWords:
    """Turns pip's output into a few words on how far it is."""

    def __init__(self) -> None:
        self._found: set[str] = set()

    def __call__(self, line: str) -> str:
        """What this line says, in words; nothing where it says nothing new."""
        if match := re.match(r"Collecting ([\w.-]+)", line):
            self._found.add(match[1])
            return f"{len(self._found)} packages found"
        if match := re.match(r"\s*Downloading (\S+?)-\d\S* (\(.*\))", line):
            return f"{len(self._found)} packages found; downloading {match[1]} {match[2]}"
        if match := re.match(r"\s*Building (?:editable )?(?:wheel for )?([\w.-]+)", line):
            return f"building {match[1]}"
        return "installing" if line.startswith("Installing collected") else ""


def _is_of_this_python(python: Path) -> bool:
    """Whether the environment is there, whole, and of the Python that runs this."""
    code = "import pip, sys; print(sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return done.stdout.strip() == str(sys.version_info[:2])


def _create(venv: Path) -> None:
    say(f"{venv.name}: a new environment of Python {sys.version.split()[0]} ...")
    shutil.rmtree(venv, ignore_errors=True)
    # Not sys.executable: this may run by the environment that was just removed.
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    python = base if base.exists() else sys.executable
    done = subprocess.run([python, "-m", "venv", venv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"{done.stdout}{done.stderr}\n{venv.name}: cannot be created")


def _hints() -> str:
    """What a machine lacks that compiles, for the end of a message."""
    hints: list[str] = []
    if compilers_missing():
        hints.append(COMPILER_HINT)
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        hints.append(
            f"Python's headers are missing (Debian and Ubuntu: apt-get install python{version}-dev)."
        )
    return "\n".join(["", *hints])


def main() -> int:
    """Set up the environment that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in ENVIRONMENTS:
        return fail(f"which environment? One of: {', '.join(ENVIRONMENTS)}")
    try:
        set_up(ENVIRONMENTS[sys.argv[1]])
    except NoCompiler as error:
        return fail(str(error))
    except CommandFailed as error:
        return fail(f"{error}{_hints()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
