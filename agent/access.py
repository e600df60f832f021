"""Who may call: those who know the token, and no page of another web site.

Pipecat's development runner asks for neither. (Its --ws-auth gives a token to whoever asks for one.)
"""

import base64
import binascii
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

FORBIDDEN = 4003
OPEN = {"/ready"}
"""What a launcher asks; it says nothing about anybody."""


class Gate:
    """ASGI middleware in front of everything that the agent serves."""

    def __init__(self, app: ASGIApp, token: str, allowed_origins: tuple[str, ...]) -> None:
        self._app = app
        self._token = token.encode()
        self._allowed_origins = {origin.lower().rstrip("/") for origin in allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or answer 401 or 403; a WebSocket is closed before it opens."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._may_come_from(headers.get("origin"), headers.get("host", "")):
            refusal = PlainTextResponse("pages of this site may not call the agent\n", 403)
        elif not self._knows(headers.get("authorization", "")):
            # Basic, so that a browser asks for it: any name, and the token as the password.
            refusal = PlainTextResponse(
                "a token is needed\n", 401, {"WWW-Authenticate": 'Basic realm="voice agent"'}
            )
        else:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await WebSocketClose(FORBIDDEN, "forbidden")(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _may_come_from(self, origin: str | None, host: str) -> bool:
        """Only browsers say where a request comes from; what comes from nowhere is a program."""
        if origin is None or origin.lower() in self._allowed_origins:
            return True
        return urlsplit(origin).netloc.lower() == host.lower()

    def _knows(self, authorization: str) -> bool:
        if not self._token:
            return True
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "basic":
            given = _password(given)
        return hmac.compare_digest(given.encode(), self._token)


def _password(credentials: str) -> str:
    """The password of basic credentials; empty where they are malformed."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
