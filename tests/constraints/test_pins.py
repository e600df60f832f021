"""What the constraints files promise, read from the files alone."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from constraints.install import ENVIRONMENTS, HERE, ROOT, read_pins

FILES = sorted(HERE.glob("*.txt"))
PIN = re.compile(r'[a-z0-9-]+==[\w.]+( ; python_version == "3\.\d+"( or python_version == "3\.\d+")*)?')
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def direct(extras: str) -> list[Requirement]:
    """The requirements that pyproject.toml itself states for the extras."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    for extra in extras.split(","):
        for line in PROJECT["optional-dependencies"][extra]:
            requirement = Requirement(line)
            if requirement.name == PROJECT["name"]:
                found += direct(",".join(requirement.extras))
            else:
                found.append(requirement)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_constraints_file_has_names_and_versions_only(path: Path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("#", "-c "))]
    assert [line for line in lines if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_the_project_asks_for_is_pinned_within_its_bounds(name: str):
    environment = ENVIRONMENTS[name]
    pins = read_pins(HERE / environment.pins)
    asked = direct(environment.extras)
    assert [
        str(each) for each in asked if pins.get(canonicalize_name(each.name), "0") not in each.specifier
    ] == []


@pytest.mark.parametrize("name", ["embedded", "dev"])
def test_the_agents_environment_has_no_torch(name: str):
    pins = read_pins(HERE / ENVIRONMENTS[name].pins)
    assert not [pin for pin in pins if pin in {"torch", "transformers"} or pin.startswith("nvidia-")]


def test_a_file_has_the_pins_of_the_one_it_includes():
    assert read_pins(HERE / "dev.txt").items() >= read_pins(HERE / "embedded.txt").items()


@pytest.mark.parametrize("file", ["embedded.txt", "dev.txt"])
def test_every_package_is_in_the_table_of_licences(file: str):
    table = (ROOT / "LICENSES.md").read_text()
    assert [pin for pin in read_pins(HERE / file).items() if "| {} | {} |".format(*pin) not in table] == []
