"""Talk to a demo GGUF by typing, with stand-in tools: the whole conversation, no audio.

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
from llm.demo.corpus.tools import value
from llm.demo.player import Player

_CALL = re.compile(r"<function=(\w+)>(.*?)</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=(\w+)>(.*?)</parameter>", re.DOTALL)
_SUM = re.compile(r"[\d.]+( [-+*/] [\d.]+)+")
_MOST_CALLS = 3  # tool calls in one turn


class Desk:
    """Stand-ins for the agent's tools; what is looked up is not found."""

    def __init__(self) -> None:
        self.reservation: Json = {"reservation": "none"}

    def use(self, name: str, arguments: Json) -> Json:
        """The result of one call; a failure is a result with `error`."""
        now = datetime.datetime.now()
        match name:
            case "get_time":
                return {"time": now.strftime("%I:%M %p").lstrip("0")}
            case "get_date":
                return {"date": f"{now:%A, %B} {now.day}"}
            case "calculate" if _SUM.fullmatch(arguments.get("expression", "")):
                return _calculated(arguments["expression"].split())
            case "reserve_table":
                self.reservation = {**arguments, "people": int(arguments["people"])}
                return {"status": "reserved", **self.reservation}
            case "get_reservation":
                return self.reservation
            case "set_timer":
                return {"status": "started", **arguments, "amount": int(arguments["amount"])}
            case "lookup":
                return NOTHING
            case _:
                return {"error": f"no tool {name}"}


def parse_call(text: str) -> tuple[str, dict[str, str]] | None:
    """(name, arguments as written) of a tool call; None where there is none."""
    called = _CALL.search(text)
    return (called[1], dict(_PARAMETER.findall(called[2]))) if called else None


def _calculated(parts: list[str]) -> Json:
    """From left to right, which is right for the sums of the corpus."""
    result: float | None = float(parts[0])
    for sign, number in zip(parts[1::2], parts[2::2], strict=True):
        result = None if result is None else value(result, sign, float(number))
    return {"error": "division by zero"} if result is None else {"result": result}


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
