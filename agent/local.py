"""Start the model servers and the agent on this machine, each when the one before is ready.

    python -m agent.local

Ctrl-C stops all of them, the last one first; a second Ctrl-C does not wait for them to finish. A service
that ends by itself is named, with the end of its log, and the rest is stopped.
"""

import argparse
import asyncio
import re
import sys
from pathlib import Path

from agent.launcher import Terminal, run
from agent.service_process import ServiceSpec
from agent.settings import AgentSettings
from asr_server.settings import AsrSettings
from llm.settings import LlmSettings
from tts_server.settings import TtsSettings
from wire.settings import ServiceSettings, read

LOGS = Path(".run")
AGENT_LINES = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|ServerVoiceToVoice")
"""Of the agent's log, each turn's latency is worth seeing too."""


def embedded_specs() -> list[ServiceSpec]:
    """The services in the order of their start, from their settings; a wrong setting stops the process."""
    asr, llm, tts = read(AsrSettings), read(LlmSettings), read(TtsSettings)
    agent = read(AgentSettings)
    servers = [
        _server("asr_server", asr, "asr_server.app", f"asr_server.{asr.engine}"),
        _server("llm", llm, "llm.app", f"llm.{llm.engine}"),
        _server("tts_server", tts, "tts_server.app", f"tts_server.{tts.engine}"),
    ]
    urls = {
        "asr_url": servers[0].url.replace("http", "ws", 1) + "/v1/stream",
        "asr_token": servers[0].token,
        "llm_url": servers[1].url + "/v1",
        "llm_token": servers[1].token,
        "tts_url": servers[2].url.replace("http", "ws", 1) + "/v1/stream",
        "tts_token": servers[2].token,
    }
    unset = {name: value for name, value in urls.items() if name not in agent.model_fields_set}
    return [
        *servers,
        ServiceSpec(
            name="agent",
            command=_ahead(
                "agent", "agent.bot", "pipecat.runner.run", "pipecat.transports.smallwebrtc.transport"
            ),
            is_patient=True,
            host=agent.host,
            port=agent.port,
            port_setting="AGENT_PORT",
            token=agent.token.get_secret_value(),
            environment={f"AGENT_{name.upper()}": value for name, value in unset.items()},
            show=AGENT_LINES,
        ),
    ]


def _server(name: str, settings: ServiceSettings, *modules: str) -> ServiceSpec:
    return ServiceSpec(
        name=name,
        command=_ahead(name, *modules),
        is_patient=True,
        host=settings.host,
        port=settings.port,
        port_setting=f"{settings.model_config.get('env_prefix', '')}PORT",
        token=settings.token.get_secret_value(),
        stop_limit_s=settings.drain_s + 4,  # the farewells, and the loop's own closing
    )


def _ahead(service: str, *modules: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "agent.preload", service, *modules)


def main() -> int:
    """Run the embedded profile, as the environment has it set."""
    parser = argparse.ArgumentParser(
        prog="python -m agent.local", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--logs", type=Path, default=LOGS, help=f"where the services' logs go (here: {LOGS}/)"
    )
    arguments = parser.parse_args()
    arguments.logs.mkdir(parents=True, exist_ok=True)
    specs = embedded_specs()
    address = f"http://localhost:{specs[-1].port}/client"
    return asyncio.run(
        run(specs, arguments.logs, Terminal(), f"\nOpen {address} and talk. Ctrl-C stops everything.\n")
    )


if __name__ == "__main__":
    sys.exit(main())
