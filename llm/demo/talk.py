"""Talk to a demo GGUF by typing, with stand-ins for the agent's tools, which are not at home here.

    python -m llm.demo.talk llm/demo/demo.gguf

reads one line for each turn of the caller's.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path

from llm.demo import rendering
from llm.demo.corpus.call import FUNCTION, Json, Message
from llm.demo.corpus.dialogues import PROMPT
from llm.demo.corpus.knowledge import NOTHING
from llm.demo.player import Player

_CALL = re.compile(r"<function=(\w+)>(.*?)</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=(\w+)>(.*?)</parameter>", re.DOTALL)
_MOST_CALLS = 3  # tool calls in one turn


class Desk:
    """Stand-ins for the agent's tools: they know the time, and answer all else alike."""

    def use(self, name: str, arguments: Json) -> Json:
        """The result of one call; a failure is a result with `error`."""
        now = datetime.datetime.now()
        match name:
            case "get_time":
                return {"time": now.strftime("%I:%M %p").lstrip("0")}
            case "get_date":
                return {"date": f"{now:%A, %B} {now.day}"}
            case "calculate":
                return {"result": 42}
            case "reserve_table":
                return {"missing": "people, day, time, name"}
            case "get_reservation":
                return {"reservation": "none"}
            case "set_timer":
                return {"status": "started", "duration": "5 minutes"}
            case "lookup":
                return NOTHING
            case _:
                return {"error": f"no tool {name}"}


def parse_call(text: str) -> tuple[str, dict[str, str]] | None:
    """(name, arguments as written) of a tool call; None where there is none."""
    called = _CALL.search(text)
    return (called[1], dict(_PARAMETER.findall(called[2]))) if called else None


class Conversation:
    """One call, history and all, in the form that a server would render."""

    def __init__(self, player: Player, desk: Desk | None = None) -> None:
        self.messages: list[Message] = [rendering.SYSTEM]
        self._player = player
        self._desk = desk or Desk()

    def answer(self, text: str) -> list[str]:
        """What the model writes for the caller's text: tool calls first, then the answer."""
        self.messages.append({"role": "user", "content": text})
        written: list[str] = []
        for _ in range(_MOST_CALLS):
            prompt = self._player.renderer.render(self.messages, generate=True)
            self._player.read(self._player.encode(prompt))
            written.append(self._player.generate())
            called = parse_call(written[-1])
            if called is None:
                break
            self._use(*called)
        else:
            return written
        self.messages.append({"role": "assistant", "content": written[-1]})
        return written

    def _use(self, name: str, arguments: Json) -> None:
        function = {"name": name, "arguments": arguments}
        result = self._desk.use(name, arguments)
        self.messages.append({"role": "assistant", "tool_calls": [{"type": FUNCTION, "function": function}]})
        self.messages.append({"role": "tool", "content": json.dumps(result)})


def main() -> None:
    """Greet, then answer every line of standard input."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("gguf", type=Path, nargs="?", default=Path(__file__).parent / "demo.gguf")
    conversation = Conversation(Player(parser.parse_args().gguf))
    print(conversation.answer(PROMPT["greeting_cue"])[-1])
    for line in sys.stdin:
        print(f"> {line.strip()}")
        for written in conversation.answer(line.strip()):
            print(f"  {' '.join(written.split())}", flush=True)


if __name__ == "__main__":
    main()
