import pytest

from tests.tts_server.tones import ToneSynthesizer
from tts_server.admission import check_text, check_waiting, choose_voice
from wire.message import Refused

TONES = ToneSynthesizer()


@pytest.mark.parametrize(
    ("voice", "language", "chosen"),
    [
        (None, None, "low"),
        ("high", None, "high"),
        (None, "de", "high"),
        (None, "DE_de", "high"),
        (None, "en", "low"),
        ("high", "de-DE", "high"),
    ],
)
def test_a_voice_is_found(voice: str | None, language: str | None, chosen: str):
    assert choose_voice(TONES, voice, language).name == chosen


@pytest.mark.parametrize(
    ("voice", "language", "code"),
    [
        ("alto", None, "unknown_voice"),
        (None, "fr", "unsupported_language"),
        (None, "d", "unsupported_language"),
        ("low", "de", "unsupported_language"),
        (None, "", "unsupported_language"),
    ],
)
def test_a_voice_that_is_not_there_is_refused(voice: str | None, language: str | None, code: str):
    with pytest.raises(Refused) as refused:
        choose_voice(TONES, voice, language)
    assert (refused.value.code, refused.value.fatal) == (code, False)


def test_text_within_the_limits_is_taken():
    check_text("x" * 10, 10)
    check_text(" ", 10)
    check_waiting(10, 10)


@pytest.mark.parametrize(("text", "code"), [("", "empty_text"), ("x" * 11, "text_too_long")])
def test_text_beyond_the_limits_is_refused(text: str, code: str):
    with pytest.raises(Refused) as refused:
        check_text(text, 10)
    assert refused.value.code == code


def test_too_much_waiting_text_may_be_sent_later():
    with pytest.raises(Refused) as refused:
        check_waiting(11, 10)
    assert (refused.value.code, refused.value.retry, refused.value.fatal) == ("too_much_text", True, False)
