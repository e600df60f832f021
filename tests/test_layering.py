"""The laws of the layout, read from the imports of every module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = {"agent", "asr_server", "tts_server", "llm"}
LAUNCHER = ROOT / "agent" / "local.py"
"""It alone reads the settings of others, to start them."""
TORCH = {"nemotron.py", "magpie.py", "train.py", "export.py"}
"""Model adapters and what makes models."""
MODULES = [path for name in sorted(SERVICES | {"wire"}) for path in sorted((ROOT / name).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Dotted names of everything a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_service_knows_another_only_by_its_protocol(path: Path):
    home = path.relative_to(ROOT).parts[0]
    others = {name for name in imports(path) if name.split(".")[0] in SERVICES - {home}}
    shown = {"protocol", "settings"} if path == LAUNCHER else {"protocol"}
    assert {name for name in others if name.split(".")[1] not in shown} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_stays_in_the_model_adapters(path: Path):
    heavy = {name for name in imports(path) if name.split(".")[0] in {"torch", "nemo"}}
    assert not heavy or path.name in TORCH


def test_what_is_shared_knows_no_service():
    names = {name.split(".")[0] for path in (ROOT / "wire").rglob("*.py") for name in imports(path)}
    assert not names & SERVICES
