"""The agent, with Smart Turn's verdicts as the caller's script has them.

    VERDICTS=<folder> python -m tests.benchmarks.scripted_verdicts

Smart Turn runs as always, and takes its time; what it answers is replaced where a file in that folder says
so, and each answer is noted in another. A benchmark of the agent's times wants no luck with
verdicts in it, and has to see what a wrong one costs.
"""

import json
import os
import runpy
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

SETTING = "VERDICTS"
WAY_MS = 100
"""The agent takes the end of speech for one later than this after the caller's last sound."""

Verdict = Literal["complete", "incomplete", "model"]


class Prediction(NamedTuple):
    """One answer of Smart Turn's."""

    end_s: float
    """The clock is the event loop's."""
    took_ms: float
    probability: float
    """As the model has it."""
    complete: bool
    """As the agent was told."""


class Verdicts:
    """What the caller's process and the agent's tell each other of verdicts."""

    def __init__(self, folder: Path) -> None:
        self._script, self._log = folder / "verdicts.json", folder / "predictions.jsonl"
        self._script.touch()
        self._log.touch()

    @property
    def environment(self) -> dict[str, str]:
        """For the agent's process."""
        return {SETTING: str(self._script.parent)}

    def expect(self, speech_end_s: float, verdict: Verdict) -> None:
        """A caller who speaks until then has not finished before, and gets this verdict after."""
        whole = self._script.with_suffix(".new")  # the agent never reads half of it
        whole.write_text(json.dumps([speech_end_s, verdict]))
        whole.replace(self._script)

    def verdict(self, now_s: float, model: bool) -> bool:
        """What the agent is told."""
        written = self._script.read_text()
        speech_end_s, verdict = json.loads(written) if written else (0.0, "model")
        if verdict == "model":
            return model
        return verdict == "complete" and now_s > speech_end_s + WAY_MS / 1000

    def note(self, prediction: Prediction) -> None:
        """Remember an answer."""
        with self._log.open("a") as log:
            log.write(json.dumps(prediction) + "\n")

    def predictions(self) -> list[Prediction]:
        """All answers so far."""
        return [Prediction(*json.loads(line)) for line in self._log.read_text().splitlines()]


def follow(verdicts: Verdicts) -> None:
    """Have every analyzer of this process answer so."""
    predict = LocalSmartTurnAnalyzerV3._predict_endpoint

    def scripted(self: LocalSmartTurnAnalyzerV3, audio_array: np.ndarray) -> dict[str, Any]:
        began_s = time.monotonic()
        answer = predict(self, audio_array)
        ended_s = time.monotonic()
        complete = verdicts.verdict(began_s, answer["prediction"] == 1)
        took_ms = 1000 * (ended_s - began_s)
        verdicts.note(Prediction(ended_s, took_ms, float(answer["probability"]), complete))
        told = answer["probability"] if complete == (answer["prediction"] == 1) else float(complete)
        return {**answer, "prediction": int(complete), "probability": told}

    LocalSmartTurnAnalyzerV3._predict_endpoint = scripted


if __name__ == "__main__":
    follow(Verdicts(Path(os.environ[SETTING])))
    runpy.run_module("agent", run_name="__main__", alter_sys=True)
