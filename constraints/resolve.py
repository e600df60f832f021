"""Do the pins hold on every Python and machine that we name, and what has no wheel there?

    python -m constraints.resolve                                  asks the index, prints a table
    python -m constraints.resolve --pin python3.11 python3.12 ...  writes the pins anew, from real resolutions

pip answers for another machine only by its wheels' tags; markers such as `python_version < "3.12"` it
evaluates for the Python it runs on. So the check walks the requirements itself, with the markers of the
target, and lets pip say which pins have a wheel there.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
ROOT = HERE.parent
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
GLIBC = range(17, 36)  # manylinux_2_17 to 2_35: what Ubuntu 22.04 and Debian 12 can load
NO_WHEEL = re.compile(r"No matching distribution found for ([\w.-]+)")
PIN_FILES = {
    "embedded.txt": "embedded",
    "dev.txt": "embedded,dev",
    "train.txt": "train,llm,asr-sphinx,test",
}
INCLUDES = {"dev.txt": "embedded.txt", "train.txt": "dev.txt"}
"""Their environments are not all of one another's, but what two have is of one version."""


@dataclass(frozen=True)
class Target:
    """A Python on a Linux machine."""

    python: str
    machine: str

    def markers(self, extra: str = "") -> dict[str, str]:
        """What environment markers evaluate to there."""
        here = {name: str(value) for name, value in default_environment().items()}
        return here | {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_version": f"{self.python}.0",
            "platform_machine": self.machine,
            "platform_system": "Linux",
            "sys_platform": "linux",
            "extra": extra,
        }

    def tags(self) -> list[str]:
        """Options of pip for wheels that load there."""
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in GLIBC]
        platforms += [f"manylinux2014_{self.machine}", f"linux_{self.machine}"]
        return ["--python-version", self.python, *(f"--platform={name}" for name in platforms)]


@dataclass(frozen=True)
class Answer:
    """What was found for one target."""

    pins: int
    without_wheel: list[str]
    problems: list[str]
    """Requirements that no pin answers, or that a pin contradicts."""


def check(target: Target, pin_file: Path, extras: str) -> Answer:
    """Ask pip for wheels of all pins, then walk the requirements from the project's own."""
    pins = dict(_pins_for(target, pin_file))
    metadata, without_wheel = _ask_pip(target, pins)
    problems = list(_contradictions(target, pins, metadata, extras))
    return Answer(len(pins), without_wheel, problems)


def _pins_for(target: Target, path: Path) -> Iterator[tuple[str, str]]:
    """The names and versions of a constraints file whose markers hold on the target."""
    for line in path.read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-c "):
            yield from _pins_for(target, path.parent / line[3:])
        elif line:
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate(target.markers()):
                yield canonicalize_name(pin.name), str(pin.specifier).removeprefix("==")


def _ask_pip(target: Target, pins: dict[str, str]) -> tuple[dict[str, list[str]], list[str]]:
    """Requirements of each pin that has a wheel, and the names of those that have none."""
    wanted = dict(pins)
    without: list[str] = []
    while True:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--dry-run",
                "--no-deps",
                "--quiet",
                "--report=-",
            ]
            command += ["--ignore-installed", "--only-binary=:all:", f"--target={folder}", *target.tags()]
            command += [f"{name}=={version}" for name, version in wanted.items()]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return dict(_requirements(json.loads(done.stdout))), without
        missing = NO_WHEEL.search(done.stderr)
        if missing is None:
            raise SystemExit(f"pip failed:\n{done.stderr}")
        without.append(canonicalize_name(missing[1]))
        del wanted[without[-1]]


def _requirements(report: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for item in report["install"]:
        metadata = item["metadata"]
        yield canonicalize_name(metadata["name"]), metadata.get("requires_dist", [])


def _contradictions(
    target: Target, pins: dict[str, str], metadata: dict[str, list[str]], extras: str
) -> Iterator[str]:
    """Follow requirements from the project on; what has no wheel here is followed no further."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional: dict[str, list[str]] = project["optional-dependencies"]
    metadata = metadata | {
        canonicalize_name(project["name"]): project["dependencies"]
        + [f'{line} ; extra == "{name}"' for name, lines in optional.items() for line in lines]
    }
    todo = [Requirement(f"{project['name']}[{extras}]")]
    seen: set[str] = set()
    while todo:
        requirement = todo.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        name = canonicalize_name(requirement.name)
        if name != canonicalize_name(project["name"]):
            if name not in pins:
                yield f"{requirement} is not pinned"
            elif not requirement.specifier.contains(pins[name], prereleases=True):
                yield f"{requirement} contradicts the pin {pins[name]}"
        todo += _next(target, requirement, metadata.get(name, []))


def _next(target: Target, parent: Requirement, lines: Iterable[str]) -> Iterator[Requirement]:
    """What a package asks for on the target, with the extras that were asked of it."""
    for line in lines:
        requirement = Requirement(line)
        environments = [target.markers(extra) for extra in ("", *parent.extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            requirement.marker = None
            yield requirement


def write_pins(pythons: list[str]) -> None:
    """Resolve each environment with real interpreters, the oldest first, and write the constraints files."""
    written: dict[str, dict[str, str]] = {}
    for file, extras in PIN_FILES.items():
        included = written[INCLUDES[file]] if file in INCLUDES else {}
        versions = dict(included)
        found: dict[str, set[str]] = {}
        for python in pythons:
            for name, version in _resolve(python, extras, versions).items():
                versions.setdefault(name, version)
                found.setdefault(name, set()).add(_version_of(python))
        written[file] = versions
        names = sorted(name for name in found if name not in included)
        head = [
            "# Written by `python -m constraints.resolve --pin`; the whole closure, names and versions only."
        ]
        head += [f"-c {INCLUDES[file]}"] if file in INCLUDES else []
        lines = [f"{name}=={versions[name]}{_marker(found[name], len(pythons))}" for name in names]
        (HERE / file).write_text("\n".join([*head, *lines, ""]))
        print(f"{file}: {len(names)} pins")


def _resolve(python: str, extras: str, earlier: dict[str, str]) -> dict[str, str]:
    """What pip would install with this interpreter into an empty environment, keeping to earlier answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{name}=={version}\n" for name, version in earlier.items())
        constraints.flush()
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--dry-run", "--quiet"]
        command += ["--ignore-installed", "--report=-", "-c", constraints.name, f"{ROOT}[{extras}]"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    items = [item["metadata"] for item in json.loads(done.stdout)["install"]]
    pins: dict[str, str] = {
        canonicalize_name(item["name"]): item["version"].partition("+")[0] for item in items
    }
    del pins["voice-agent"]
    return pins


def _version_of(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _marker(found: set[str], all_of_them: int) -> str:
    if len(found) == all_of_them:
        return ""
    return " ; " + " or ".join(f'python_version == "{version}"' for version in sorted(found))


def main() -> int:
    """Check, or write, as the command line asks. The status is 1 where a pin contradicts a requirement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pin", nargs="+", metavar="PYTHON", help="write the constraints files anew")
    arguments = parser.parse_args()
    if arguments.pin:
        write_pins(arguments.pin)
        return 0
    problems: set[str] = set()
    print("| Python | machine | pins | no wheel: compiled there |\n|---|---|---|---|")
    for target in (Target(python, machine) for python in PYTHONS for machine in MACHINES):
        answer = check(target, HERE / "embedded.txt", "embedded")
        print(
            f"| {target.python} | {target.machine} | {answer.pins} | {', '.join(answer.without_wheel)} |",
            flush=True,
        )
        problems.update(f"{target.python} {target.machine}: {problem}" for problem in answer.problems)
    print(*sorted(problems), sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
