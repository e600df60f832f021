"""Write the table of the dependencies' licences into LICENSES.md, from what is installed.

.venv/bin/python -m constraints.licenses
"""

import importlib.metadata
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from constraints.install import read_pins

HERE = Path(__file__).parent
TABLE = "## Python packages"
PROFILES = {"embedded.txt": "run", "dev.txt": "develop", "train.txt": "train the demo model"}
IN_WORDS = ("License-Expression", "License")
NVIDIA = "NVIDIA's proprietary terms"
NOT_IN_METADATA = {  # or only needed on some Pythons
    "audioop-lts": "PSF-2.0",
    "wait-for2": "Apache-2.0",
    "espeakng-loader": "its own is not stated; carries espeak-ng and its data: GPL-3.0-or-later",
}
TRAINING = {
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": "its own is not stated; only names the NVIDIA packages",
    "mpmath": "BSD",
    "networkx": "BSD-3-Clause",
    "nvidia-nvtx": "Apache-2.0",
    "sympy": "BSD",
    "torch": "BSD-3-Clause, with parts under Apache-2.0, BSD-2-Clause, BSL-1.0 and MIT",
    "triton": "MIT",
}
"""As the packages say themselves. They are installed elsewhere, in `.venv-train`."""
ADDED = {
    "av": "; its wheel carries FFmpeg with x264 and x265: GPL-2.0-or-later",
    "opencv-python-headless": "; its wheel carries FFmpeg: LGPL-2.1-or-later",
    "soundfile": "; its wheel carries libsndfile: LGPL-2.1-or-later",
}
"""What a wheel brings along under other terms than its own metadata says."""


def licence(name: str) -> str:
    """The licence of an installed package, in its own words; `?` where it says none."""
    known = NOT_IN_METADATA | TRAINING
    if name in known or name.startswith("nvidia-"):
        return known.get(name, NVIDIA)
    metadata = importlib.metadata.metadata(name)
    says: dict[str, list[str]] = {key: metadata.get_all(key) or [] for key in ("Classifier", *IN_WORDS)}
    named = [line.rpartition(" :: ")[2] for line in says["Classifier"] if line.startswith("License :: ")]
    expression, text = (" ".join(says[key]) for key in IN_WORDS)
    text = expression or ", ".join(named) or text or "?"
    return text.splitlines()[0][:80] + ADDED.get(name, "")


def table() -> str:
    """One row a package, the ones that run first."""
    rows = ["| package | version | licence | needed to |", "|---|---|---|---|"]
    done: set[str] = set()
    for file, purpose in PROFILES.items():
        pins = {canonicalize_name(name): version for name, version in read_pins(HERE / file).items()}
        for name in sorted(pins.keys() - done):
            try:
                rows.append(f"| {name} | {pins[name]} | {licence(name)} | {purpose} |")
            except importlib.metadata.PackageNotFoundError:
                rows.append(f"| {name} | {pins[name]} | (not needed on this Python) | {purpose} |")
        done |= pins.keys()
    return "\n".join(rows)


def main() -> int:
    """Replace what follows the heading of the table."""
    path = HERE.parent / "LICENSES.md"
    before, heading, _ = path.read_text().partition(f"{TABLE}\n")
    if not heading:
        print(f"{path} has no heading {TABLE!r}", file=sys.stderr)
        return 1
    path.write_text(f"{before}{heading}\nWritten by `python -m constraints.licenses`.\n\n{table()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
