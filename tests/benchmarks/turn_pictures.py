"""One turn as a picture: who spoke, which stage ran when, and what was done before anybody had agreed to it.

Solid: after the verdict. Light: speculative, and heard in the end. Red: for nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agent.call_report import RECORDING_HZ, Recording
from tests.benchmarks.script import Work
from tests.benchmarks.scripted_verdicts import Prediction
from tests.benchmarks.turn_figures import Figures, Moments, used_answer

WIDTH, LEFT, ROW, TOP = 1_200, 110, 44, 56
BEFORE_S, AFTER_S = 0.9, 0.7
"""What is shown before the caller's last sound, and after the answer's first."""
LONGEST_S = 4.0
ROWS = ("caller", "Smart Turn", "ASR", "LLM", "TTS", "agent")
STAGE_ROWS = {"asr": "ASR", "llm": "LLM", "tokens": "LLM", "tts": "TTS", "audio": "TTS"}
STEP_S = 0.1
COLOURS = {"Smart Turn": "#7a5fb0", "ASR": "#2f7fc1", "LLM": "#2c9a57", "TTS": "#d08a1d"}
RED, GREY, INK = "#cc3333", "#d8d8d8", "#222222"


class Box(NamedTuple):
    """A piece of work, s after the caller's last sound."""

    row: str
    begin_s: float
    end_s: float
    speculative: bool
    wasted: bool


def boxes(
    works: Sequence[Work],
    predictions: Sequence[Prediction],
    verdict_s: float | None,
    zero_s: float,
    heard: str,
) -> list[Box]:
    """What is drawn; work that has not ended is drawn as ended when the newest other work did."""
    used = used_answer(heard, works)
    last_s = max((work.end_s or work.begin_s for work in works), default=zero_s)
    drawn = [
        Box("Smart Turn", made.end_s - zero_s - made.took_ms / 1000, made.end_s - zero_s, False, False)
        for made in predictions
    ]
    commits = [work for work in works if work.stage == "asr"]
    for work in works:
        wasted = work in commits[:-1] if work.stage == "asr" else work.answer != used
        speculative = verdict_s is not None and work.begin_s < verdict_s and work.stage != "asr"
        end_s = last_s if work.end_s is None else work.end_s
        drawn.append(Box(STAGE_ROWS[work.stage], work.begin_s - zero_s, end_s - zero_s, speculative, wasted))
    return drawn


def draw_turn(
    turn: Figures,
    works: Sequence[Work],
    predictions: Sequence[Prediction],
    moments: Moments,
    recording: Recording,
    began_s: float,
) -> Image.Image:
    """The picture; time is counted from the caller's last sound."""
    zero_s = moments.speech_end
    heard_s = (moments.answer_start or zero_s + LONGEST_S) - zero_s
    canvas = _Canvas(-BEFORE_S, min(heard_s, LONGEST_S) + AFTER_S)
    canvas.title(turn)
    canvas.ruler()
    origin = round((zero_s - began_s) * RECORDING_HZ)
    canvas.sound("caller", recording.caller, origin)
    canvas.sound("agent", recording.agent, origin)
    verdict_s = next((made.end_s for made in predictions if made.complete), None)
    for box in boxes(works, predictions, verdict_s, zero_s, f"number {used_answer('', works)}"):
        canvas.box(box)
    marks = {"verdict": verdict_s, "begins to speak": moments.bot_started, "heard": moments.answer_start}
    for level, (name, at_s) in enumerate(marks.items()):
        if at_s is not None:
            canvas.mark(name, at_s - zero_s, level)
    return canvas.image


class _Canvas:
    """Pixels. Times are s after the caller's last sound."""

    def __init__(self, begin_s: float, end_s: float) -> None:
        self._begin_s, self._end_s = begin_s, end_s
        self._bottom = TOP + ROW * len(ROWS)
        self.image = Image.new("RGB", (WIDTH, self._bottom + 64), "white")
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(13)

    def title(self, turn: Figures) -> None:
        total = "no answer" if turn.server_ms is None else f"{turn.server_ms:.0f} ms by the agent's clock"
        gap = "" if turn.gap_ms is None else f", {turn.gap_ms:.0f} ms in the recording"
        forced = ', Smart Turn made to say "incomplete"' if turn.forced else ""
        self._text(8, 6, f"{turn.said}   {total}{gap}{forced}")
        self._text(8, 26, "light: before the verdict    red: for nothing    time in ms after the last sound")
        for row in ROWS:
            self._text(8, self._y(row) + 10, row)

    def ruler(self) -> None:
        for tick in range(round(self._begin_s / STEP_S), round(self._end_s / STEP_S) + 1):
            x = self._x(tick * STEP_S)
            if LEFT <= x < WIDTH:
                self._draw.line((x, TOP, x, self._bottom), INK if tick == 0 else GREY)
                if tick % 2 == 0:
                    self._text(x - 10, self._bottom + 2, str(round(1000 * tick * STEP_S)))

    def sound(self, row: str, samples: NDArray[np.int16], origin: int) -> None:
        """A channel; `origin` is the sample of the time 0."""
        middle = self._y(row) + ROW // 2
        for x in range(LEFT, WIDTH):
            edges = (origin + round(self._at_s(at) * RECORDING_HZ) for at in (x, x + 1))
            first, last = (min(max(edge, 0), len(samples)) for edge in edges)
            loudest = int(np.abs(samples[first:last].astype(np.int32)).max(initial=0))
            height = round(loudest / 32_768 * ROW / 2 * 2)
            self._draw.line((x, middle - min(height, ROW // 2), x, middle + min(height, ROW // 2)), "#555555")

    def box(self, box: Box) -> None:
        left, right = max(LEFT, self._x(box.begin_s)), min(WIDTH - 1, self._x(box.end_s))
        if right < LEFT or left >= WIDTH:
            return
        top, colour = self._y(box.row) + 8, RED if box.wasted else COLOURS[box.row]
        shape = (left, top, max(right, left + 1), top + ROW - 16)
        self._draw.rectangle(shape, _light(colour) if box.speculative else colour, colour)

    def mark(self, name: str, at_s: float, level: int) -> None:
        x = self._x(at_s)
        self._draw.line((x, TOP, x, self._bottom + 18 + 14 * level), INK)
        self._text(x + 3, self._bottom + 16 + 14 * level, name)

    def _text(self, x: float, y: float, text: str) -> None:
        self._draw.text((x, y), text, INK, self._font)

    def _y(self, row: str) -> int:
        return TOP + ROW * ROWS.index(row)

    def _x(self, at_s: float) -> int:
        return LEFT + round((at_s - self._begin_s) / (self._end_s - self._begin_s) * (WIDTH - LEFT))

    def _at_s(self, x: int) -> float:
        return self._begin_s + (x - LEFT) / (WIDTH - LEFT) * (self._end_s - self._begin_s)


def _light(colour: str) -> tuple[int, ...]:
    """Half way to white."""
    return tuple(128 + int(colour[at : at + 2], 16) // 2 for at in (1, 3, 5))
