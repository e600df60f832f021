"""LICENSES.md has a row for every package that one of our environments installs."""

import pytest
from packaging.utils import canonicalize_name

from constraints.install import read_pins
from constraints.licenses import HERE, PROFILES

ROWS = {
    (cells[0], cells[1])
    for line in (HERE.parent / "LICENSES.md").read_text().splitlines()
    if len(cells := line.strip("| ").split(" | ")) == 4
}


@pytest.mark.parametrize("file", ["embedded.txt", "dev.txt", "train.txt"])
def test_every_pin_has_a_row(file: str):
    pins = {(canonicalize_name(name), version) for name, version in read_pins(HERE / file).items()}
    assert (file in PROFILES, pins - ROWS) == (True, set())
