"""Import ahead what a service needs, and start it when told.

    python -m agent.preload asr_server asr_server.sphinx ...

runs `python -m asr_server` once a line comes on standard input; before, it imports the modules named behind
it. Two thirds of a start are imports: a launcher that starts services one after the other has the next ones
import on the other cores meanwhile.
"""

import importlib
import runpy
import sys
from contextlib import suppress


def main(service: str, *modules: str) -> None:
    """Import, wait, run. Without the line, standard input having ended, the service does not start."""
    for module in modules:
        with suppress(ImportError):  # the service itself says better what is missing
            importlib.import_module(module)
    if sys.stdin.readline():
        sys.argv = [service]
        runpy.run_module(service, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
