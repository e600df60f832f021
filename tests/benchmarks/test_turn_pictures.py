from dataclasses import replace

import numpy as np

from agent.call_report import RECORDING_HZ, Recording
from tests.benchmarks.test_turn_figures import HEARD, MOMENTS, PREDICTIONS, WORKS, measured
from tests.benchmarks.turn_pictures import RED, WIDTH, boxes, draw_turn

SOUND = np.full(3 * RECORDING_HZ, 9_000, np.int16)


def test_what_began_before_the_verdict_is_speculative_and_what_nobody_heard_is_wasted():
    drawn = boxes(WORKS, PREDICTIONS, 101.40, 101.0, HEARD)
    kinds = [(box.row, box.speculative, box.wasted) for box in drawn]
    assert kinds == [
        ("Smart Turn", False, False),
        ("ASR", False, True),
        ("LLM", True, True),
        ("ASR", False, False),
        ("LLM", True, False),
        ("LLM", False, False),
        ("TTS", False, False),
        ("TTS", False, False),
    ]


def test_the_picture_shows_what_was_for_nothing_in_red():
    picture = draw_turn(measured(), WORKS, PREDICTIONS, MOMENTS, Recording(SOUND, SOUND), began_s=100.0)
    red = tuple(bytes.fromhex(RED[1:]))
    assert (picture.width, np.all(np.asarray(picture) == red, axis=-1).any()) == (WIDTH, True)


def test_a_turn_without_an_answer_has_a_picture_too():
    nobody = replace(MOMENTS, bot_started=None, answer_start=None)
    picture = draw_turn(measured(), [], [], nobody, Recording(SOUND, SOUND), began_s=100.0)
    assert picture.width == WIDTH
