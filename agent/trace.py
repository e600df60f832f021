"""One id per call, in the logs of every server that has a part in it (W3C trace context)."""

import secrets


class Trace:
    """The trace id of a call, and a parent id for each thing that the call asks of a server."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(16)

    def parent(self) -> str:
        """A `traceparent` for one request; source: https://www.w3.org/TR/trace-context/#traceparent-header."""
        return f"00-{self.id}-{secrets.token_hex(8)}-01"
