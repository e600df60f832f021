"""The demo model was trained on one prompt and seven tools; the agent must use them to the letter."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMAdapter

from agent.tools import Tools
from tests.agent.stand_ins import agent_settings

PROMPT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "llm/demo/corpus/prompt.json").read_text())


def test_the_system_prompt_is_the_demo_models():
    assert agent_settings().system_prompt == PROMPT["system"]


def test_the_greeting_cue_is_the_demo_models():
    assert agent_settings().greeting_cue == PROMPT["greeting_cue"]


async def test_the_tools_are_the_demo_models_in_the_same_order():
    async def say(_: str) -> None: ...

    tools = OpenAILLMAdapter().to_provider_tools_format(Tools(datetime.now, say).schema())
    assert json.dumps(tools) == json.dumps(PROMPT["tools"])
