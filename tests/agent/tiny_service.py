"""A service of nothing but its life: it listens, is ready after a while, and notes all of it in a journal.

python tiny_service.py NAME PORT JOURNAL [behaviour ...]
    slow  says why it is not ready, three times     dies   ends by itself once it has said that it is ready
    deaf  takes no notice of SIGTERM                broken ends with a message before it listens
    warns logs a warning                            child  has a process of its own that it never stops
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

NAME, PORT, JOURNAL = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
BEHAVIOUR = set(sys.argv[4:])
SLOW_ANSWERS = 3


def note(event: str, pid: int | None = None) -> None:
    """Add a line to the journal; short appends are whole, also from several processes."""
    with JOURNAL.open("a") as journal:
        journal.write(f"{event} {NAME} {pid or os.getpid()}\n")


class Answer(BaseHTTPRequestHandler):
    """GET /ready."""

    asked = 0

    def do_GET(self) -> None:
        Answer.asked += 1
        if "slow" in BEHAVIOUR and Answer.asked <= SLOW_ANSWERS:
            self._reply(503, {"why": f"reading page {Answer.asked}"})
            return
        note("ready")
        self._reply(200, {})
        if "dies" in BEHAVIOUR:
            print("out of paper", flush=True)
            os._exit(3)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""

    def _reply(self, status: int, body: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


def main() -> None:
    note("started")
    if "broken" in BEHAVIOUR:
        sys.exit("no ink")
    if "warns" in BEHAVIOUR:
        print("12:00:00 WARNING low on ink", "12:00:00 INFO all is well", sep="\n", flush=True)
    if "child" in BEHAVIOUR:
        note("child", subprocess.Popen(["sleep", "600"]).pid)
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN if "deaf" in BEHAVIOUR else lambda *_: sys.exit(note("stopped"))
    )
    HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()


if __name__ == "__main__":
    main()
