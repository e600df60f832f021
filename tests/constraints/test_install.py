"""Words on the way, and where llama.cpp's wheel comes from."""

import sys
import zipfile
from pathlib import Path

import pytest

from constraints import llama_wheel
from constraints.install import PipWords
from constraints.llama_wheel import NoCompiler, find_or_build
from constraints.progress import CommandFailed, run

PINS = Path(llama_wheel.__file__).with_name("build.txt")
WHEEL = "llama_cpp_python-0.3.36-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: 0.3.36\n"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No index for pip, no cache of the user's; the folder that pip finds wheels in."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return links


def wheel(folder: Path) -> Path:
    """A wheel with nothing in it but its name."""
    folder.mkdir(parents=True, exist_ok=True)
    info = "llama_cpp_python-0.3.36.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as file:
        file.writestr(f"{info}/METADATA", METADATA)
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return folder / WHEEL


def find(tmp_path: Path) -> Path:
    return find_or_build(Path(sys.executable), "0.3.36", PINS, tmp_path / "log")


def test_a_wheel_that_pip_can_find_is_taken(offline: Path, tmp_path: Path):
    wheel(offline)
    assert find(tmp_path).name == WHEEL


def test_a_wheel_that_was_built_before_is_taken_again(offline: Path, tmp_path: Path):
    kept = wheel(llama_wheel.kept_folder("0.3.36"))
    assert find(tmp_path) == kept


def test_another_processor_needs_another_wheel(offline: Path, monkeypatch: pytest.MonkeyPatch):
    before = llama_wheel.kept_folder("0.3.36")
    monkeypatch.setattr(llama_wheel, "_processor", lambda: "another")
    assert llama_wheel.kept_folder("0.3.36") != before


def test_a_machine_without_a_compiler_is_told_how_to_get_one(
    offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCompiler, match="apt-get install g"):
        find(tmp_path)


def test_a_command_that_fails_shows_its_last_words(tmp_path: Path):
    with pytest.raises(CommandFailed, match="no paper\nprinting: failed"):
        run("printing", ["/bin/sh", "-c", "echo no paper; exit 1"], tmp_path / "log")


def test_progress_is_in_words():
    words = PipWords()
    words("Collecting numpy==2.4.6 (from voice-agent)")
    assert (
        words("  Downloading numpy-2.4.6-cp311.whl (17.0 MB)")
        == "1 packages found; downloading numpy (17.0 MB)"
    )
