from pathlib import Path

import numpy as np
import pytest
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from tests.benchmarks.scripted_verdicts import Prediction, Verdict, Verdicts, follow


@pytest.mark.parametrize(
    ("verdict", "now_s", "model", "told"),
    [
        ("complete", 10.2, False, True),
        ("complete", 10.0, True, False),  # the caller still speaks
        ("incomplete", 10.2, True, False),
        ("model", 10.2, True, True),
        ("model", 10.2, False, False),
    ],
)
def test_the_script_decides(tmp_path: Path, verdict: Verdict, now_s: float, model: bool, told: bool):
    verdicts = Verdicts(tmp_path)
    verdicts.expect(10.0, verdict)
    assert Verdicts(tmp_path).verdict(now_s, model) is told


def test_before_the_script_says_anything_the_model_does(tmp_path: Path):
    assert Verdicts(tmp_path).verdict(1.0, model=True)


def test_smart_turn_runs_and_is_overruled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    predict = LocalSmartTurnAnalyzerV3._predict_endpoint
    monkeypatch.setattr(LocalSmartTurnAnalyzerV3, "_predict_endpoint", predict)  # put back in the end
    verdicts = Verdicts(tmp_path)
    verdicts.expect(0.0, "complete")
    follow(verdicts)
    answer = LocalSmartTurnAnalyzerV3()._predict_endpoint(np.zeros(16_000, np.float32))
    (made,) = verdicts.predictions()
    assert (answer["prediction"], isinstance(made, Prediction), made.complete) == (1, True, True)
    assert made.took_ms > 5
