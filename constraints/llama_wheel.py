"""A wheel of llama-cpp-python: one that pip can find, one built here before, or one built now.

PyPI has only its source. Built as it comes, it takes a quarter of an hour on two cores, most of it for
programs and a library that the bindings never load. Built from llama.cpp's own CMake file, without
those, it takes three minutes (171 s measured) and gives one wheel with everything inside.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from constraints.progress import run, say

NAME = "llama-cpp-python"
LIBRARIES = "llama_cpp/lib"  # where the bindings look, inside their own package

COMPILER_HINT = (
    "A C and a C++ compiler are needed to build llama.cpp (Debian and Ubuntu: apt-get install g++ make; "
    "macOS: xcode-select --install)."
)


class NoCompiler(Exception):
    """Something must be compiled, and this machine has no compiler. The message says how to get one."""


def cmake_options() -> dict[str, str]:
    """What to build: the library alone, for the processor it is built on."""
    rpath = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
    skipped = ("COMMON", "TESTS", "EXAMPLES", "TOOLS", "SERVER", "APP")
    return {
        **{f"LLAMA_BUILD_{part}": "OFF" for part in skipped},
        "GGML_NATIVE": "ON",
        "CMAKE_PLATFORM_NO_VERSIONED_SONAME": "ON",  # a wheel has no links: each name would be a copy
        "CMAKE_INSTALL_RPATH": rpath,
        "CMAKE_INSTALL_LIBDIR": LIBRARIES,
        "CMAKE_INSTALL_BINDIR": LIBRARIES,
        "CMAKE_INSTALL_INCLUDEDIR": "llama_cpp/include",
    }


def find_or_build(python: Path, version: str, build_pins: Path, log: Path) -> Path:
    """The path of a wheel for this machine; `python` is one with a recent pip.

    A prebuilt wheel is taken where the user's pip is set up to find one. Else the wheel is built, and
    kept in the user's cache, so that the next checkout does not build it.
    Raises NoCompiler, or CommandFailed where the build breaks.
    """
    kept = kept_folder(version)
    if found := _prebuilt(python, version, kept.parent / "found", log):
        say(f"llama.cpp: found a prebuilt wheel, {found.name}")
        return found
    if wheels := sorted(kept.glob("*.whl")):
        say(f"llama.cpp: built here before, {wheels[0].name}")
        return wheels[0]
    return _build(python, version, build_pins, kept, log)


def kept_folder(version: str) -> Path:
    """Where a wheel that was built for this machine is kept, outside any checkout."""
    return _cache() / f"{NAME}-{version}-{platform.machine()}-{_fingerprint(version)}"


def compilers_missing() -> bool:
    """Whether the machine lacks a C or a C++ compiler."""
    c = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    cxx = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    return not (c and cxx)


def _prebuilt(python: Path, version: str, folder: Path, log: Path) -> Path | None:
    """What pip finds without building, if it finds any."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [python, "-m", "pip", "download", "--no-deps", "--only-binary", NAME, "-d", folder]
    with log.open("a") as file:
        subprocess.run([*command, f"{NAME}=={version}"], stdout=file, stderr=file, check=False)
    return next(folder.glob("*.whl"), None)


def _build(python: Path, version: str, build_pins: Path, kept: Path, log: Path) -> Path:
    if compilers_missing():
        raise NoCompiler(COMPILER_HINT)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        options = [
            f"--config-settings=cmake.define.{name}={value}" for name, value in cmake_options().items()
        ]
        run(
            f"llama.cpp: building for this processor, about 3 minutes on 2 cores, once ({kept} keeps it)",
            [
                *(python, "-m", "pip", "wheel", "--no-deps", "-v", "-w", folder, f"{NAME}=={version}"),
                # pip's own cache does not know for which processor a wheel was built.
                *("--no-binary", NAME, "--no-cache-dir", "--build-constraint", build_pins),
                *("--config-settings=cmake.source-dir=vendor/llama.cpp", *options),
            ],
            log,
            detail=_files_done,
            environment={"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1), **os.environ},
        )
        kept.mkdir(exist_ok=True)
        (wheel,) = Path(folder).glob("*.whl")
        return wheel.replace(kept / wheel.name)


def _files_done(line: str) -> str:
    """Words from ninja's `[12/83] g++ ...`."""
    counter = line.strip().partition("]")[0]
    if not counter.startswith("[") or "/" not in counter:
        return ""
    done, _, total = counter[1:].partition("/")
    return f"{done} of {total} files compiled" if done.isdigit() and total.isdigit() else ""


def _fingerprint(version: str) -> str:
    """Changes with what would make a kept wheel wrong: options, processor, C library.

    The wheel holds no code for a particular Python, so all of them share it.
    """
    parts = [
        version,
        str(cmake_options()),
        os.environ.get("CMAKE_ARGS", ""),
        *platform.libc_ver(),
        _processor(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _processor() -> str:
    """The processor's model and instruction sets; a virtual machine may hide some of its model's."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    telling = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(telling)}))


def _cache() -> Path:
    """The user's cache, where the next checkout looks too."""
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "voice-agent" / "wheels"
