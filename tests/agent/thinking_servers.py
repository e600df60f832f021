"""What LLM servers with a script share: they can prefill, and hear that a client has hung up."""

from abc import abstractmethod

from aiohttp import web

from tests.agent.stand_ins import LlmStandIn


class ThinkingServer(LlmStandIn):
    """Takes requests; how they are answered is the subclass's. One that is closed is cancelled."""

    shutdown_s = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.prefills = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/prefill", self._prefill)
        # Otherwise a handler never hears that the client has hung up.
        self._runner = web.AppRunner(app, shutdown_timeout=self.shutdown_s, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    @abstractmethod
    async def _complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion."""

    async def _prefill(self, request: web.Request) -> web.Response:
        await request.read()
        self.prefills += 1
        return web.json_response({"evaluated_tokens": 0, "cached_tokens": 0})
