"""Place a call to a running agent with recorded speech: `python -m agent.call first.wav second.wav ...`.

Each file is one turn, played when the agent has finished speaking (its greeting first). Prints what the
agent heard, what it answered, and the gap from the end of the caller's speech to the start of the agent's
as found in the recording, which is written as a stereo file (caller left, agent right). How gaps are
measured, and how well, is said in `agent.call_line`.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.call_line import CannotCall, HungUp, Turn, dial
from agent.call_media import NotAudio
from agent.call_report import CallReport, TurnReport, recording_of, report_of

URL = "http://localhost:7860"


async def place_call(
    url: str,
    turns: Sequence[Turn],
    *,
    out: Path | None = None,
    timeout_s: float = 20.0,
    greeting: bool = True,
    token: str = "",
) -> CallReport:
    """Call, speak the turns, hang up, and report; write the recording to `out`.

    A turn that gets no answer within `timeout_s` is reported so, and the call goes on; a call that breaks
    is reported with its `problem`. Raises CannotCall where no call comes about, and OSError where the
    recording cannot be written. Cancelling hangs up.
    """
    problem = ""
    async with dial(url, token) as call:
        try:
            await call.converse(turns, timeout_s, greeting=greeting)
        except HungUp as hung_up:
            problem = str(hung_up)
    recording = await asyncio.to_thread(recording_of, call)
    if out is not None:
        await asyncio.to_thread(recording.write, out)
    return await asyncio.to_thread(report_of, call, recording, url, problem)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 0 where every turn was answered, else 1."""
    options = _parser().parse_args(arguments)
    if not options.out.parent.is_dir():
        print(f"{options.out}: there is no such folder", file=sys.stderr)
        return 1
    try:
        turns = [Turn.from_file(path) for path in options.files]
        report = asyncio.run(
            place_call(
                options.url, turns, out=options.out, timeout_s=options.timeout, greeting=options.greeting
            )
        )
    except (CannotCall, NotAudio, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps({"recording": str(options.out), **report.as_dict()}, indent=2))
    else:
        _print(report, options.out)
    return _complain(report, options.timeout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m agent.call", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.wav", help="speech; one turn each")
    parser.add_argument("--url", default=URL, help="the agent's address (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("call.wav"), help="the recording (%(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=20.0, metavar="SECONDS", help="per turn (%(default)s)"
    )
    parser.add_argument("--token", default="", help="what the agent asks of its callers, where it asks")
    parser.add_argument("--no-greeting", dest="greeting", action="store_false", help="do not wait for one")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def _print(report: CallReport, out: Path) -> None:
    for turn in report.turns:
        _print_turn(turn)
    print(f"recording: {out} ({report.duration_ms / 1000:.1f} s; caller left, agent right)")


def _print_turn(turn: TurnReport) -> None:
    print(turn.name)
    if turn.speech_end_ms is not None:
        print(f"  said      {turn.transcript}")
    print(f"  answered  {turn.answer if turn.answered else '(nothing)'}")
    if turn.gap_ms is not None:
        print(f"  gap       {turn.gap_ms:.0f} ms")


def _complain(report: CallReport, timeout_s: float) -> int:
    for name in report.unanswered:
        print(f"{name}: no answer within {timeout_s:g} s", file=sys.stderr)
    for trouble in report.troubles:
        print(f"the agent reports: {trouble}", file=sys.stderr)
    if report.problem:
        print(f"the call ended early: {report.problem}", file=sys.stderr)
    return 1 if report.unanswered or report.problem else 0


if __name__ == "__main__":
    sys.exit(main())
