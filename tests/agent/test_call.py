import asyncio
import json
import ssl
import struct
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.call import main, place_call
from agent.call_line import CannotCall, Turn, dial
from agent.call_media import CALL_HZ, NotAudio, read_wav
from agent.call_messages import Asked, FirstBytes, Spoken, Transcript, client_ready, read_message
from agent.call_report import RECORDING_HZ, recording_of, report_of
from agent.recording import find_speech
from tests.agent.peers import PATH_MS, WAY_BACK_MS, Answerer, Deserter, Echo, Silence, answering, tone

pytestmark = pytest.mark.realtime

BEEP = Turn(tone(300), "beep.wav")


def write_wav(path: Path, ms: int = 300, rate_hz: int = 16_000, channels: int = 1, width: int = 2) -> Path:
    wave_ = np.sin(2 * np.pi * 300 * np.arange(rate_hz * ms // 1000) / rate_hz)
    scaled = np.repeat((wave_ * (2 ** (8 * width - 1) - 1) / 2).astype("<i4"), channels)
    if width == 1:
        scaled = scaled + 128
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate_hz, 0, "NONE", ""))
        file.writeframes(scaled.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
    return path


def write_float_wav(path: Path) -> Path:
    data = (0.5 * np.sin(np.arange(8_000) / 10)).astype("<f4").tobytes()
    header = struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate of its own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


@pytest.mark.parametrize("delay_ms", [600, 1_000])
async def test_a_known_gap_is_found_in_the_recording(delay_ms: int):
    async with answering(Echo(delay_ms)) as url:
        report = await place_call(url, [BEEP], greeting=False)
    error_ms = (report.turns[0].gap_ms or 0) - (delay_ms - 300 + PATH_MS)
    assert -5 <= error_ms <= 20 + report.caller_lateness_ms


async def test_an_answer_is_placed_where_it_was_heard():
    async with answering(echo := Echo(600)) as url, dial(url) as call:
        began_s = asyncio.get_running_loop().time() - call.clock.now() / CALL_HZ
        await call.say(BEEP, 5)
        report = report_of(call, recording_of(call), url)
    expected_ms = 1000 * ((echo.spoke_at_s or 0) - began_s) + WAY_BACK_MS
    assert report.turns[0].answer_start_ms == pytest.approx(expected_ms, abs=15 + report.caller_lateness_ms)


async def test_the_recording_has_the_caller_left_and_the_agent_right(tmp_path: Path):
    async with answering(Answerer()) as url:
        report = await place_call(url, [BEEP], out=tmp_path / "call.wav", greeting=False)
    with wave.open(str(tmp_path / "call.wav")) as file:
        channels = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    starts_ms = [
        1000 * find_speech(channels[:, side], RECORDING_HZ)[0].start / RECORDING_HZ for side in (0, 1)
    ]
    assert starts_ms == pytest.approx(
        [report.turns[0].speech_start_ms, report.turns[0].answer_start_ms], abs=1
    )


async def test_the_next_turn_waits_until_the_agent_has_finished():
    async with answering(script := Answerer(greeting_ms=400)) as url:
        report = await place_call(url, [BEEP])
    assert script.utterances == 1
    greeting, turn = report.turns
    assert (turn.speech_start_ms or 0) - (greeting.answer_start_ms or 0) > 400 + 800


async def test_words_and_times_come_from_the_agents_messages():
    async with answering(Answerer()) as url:
        report = await place_call(url, [BEEP, BEEP], greeting=False)
    assert [(turn.transcript, turn.answer) for turn in report.turns] == [
        ("question 1", "answer 1"),
        ("question 2", "answer 2"),
    ]
    assert report.turns[0].ttfb_ms == {"Ear": 25.0}


async def test_a_pause_inside_a_file_is_kept():
    audio = np.concatenate([tone(300), np.zeros(CALL_HZ * 3 // 10, np.int16), tone(300)])
    async with answering(Answerer()) as url:
        report = await place_call(url, [Turn(audio, "pause.wav")], greeting=False)
    turn = report.turns[0]
    assert (turn.speech_end_ms or 0) - (turn.speech_start_ms or 0) == pytest.approx(900, abs=2)


async def test_an_interrupting_turn_speaks_into_the_answer():
    interruption = Turn(tone(700), "stop.wav", barge_in_after_s=0.3)
    async with answering(Answerer(answer_ms=1_500)) as url:
        report = await place_call(url, [BEEP, interruption], greeting=False)
    # This agent stops at the first sound it hears, so what is left is the path there and back.
    assert report.turns[1].silenced_ms == pytest.approx(PATH_MS, abs=40 + report.caller_lateness_ms)
    assert [turn.answer for turn in report.turns] == ["answer 1 and", "answer 2"]


async def test_a_turn_without_an_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = write_wav(tmp_path / "hello.wav")
    async with answering(Silence()) as url:
        status = await run(url, tmp_path, str(file), "--timeout", "0.5", "--no-greeting")
    assert status == 1
    assert "hello.wav: no answer within 0.5 s" in capsys.readouterr().err


async def test_an_agent_that_hangs_up_ends_the_call():
    async with answering(Deserter()) as url:
        report = await place_call(url, [BEEP, BEEP], greeting=False)
    assert (report.problem, report.unanswered) == ("the agent hung up", ("beep.wav",))


async def test_the_command_prints_what_was_said_and_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    async with answering(Answerer(greeting_ms=300)) as url:
        status = await run(url, tmp_path, str(write_wav(tmp_path / "hello.wav")))
    printed = capsys.readouterr().out
    assert status == 0
    assert "said      question 1" in printed
    assert "answered  answer 1" in printed
    assert "gap       " in printed


async def test_json_carries_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    async with answering(Answerer()) as url:
        await run(url, tmp_path, str(write_wav(tmp_path / "hello.wav")), "--json", "--no-greeting")
    report = json.loads(capsys.readouterr().out)
    assert report["turns"][0]["transcript"] == "question 1"
    assert report["turns"][0]["gap_ms"] > 400


async def test_nothing_that_answers_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    url = f"http://127.0.0.1:{unused_port()}"
    status = await run(url, tmp_path, str(write_wav(tmp_path / "hello.wav")))
    assert status == 1
    assert capsys.readouterr().err.startswith(f"nothing answers at {url}")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (web.Response(status=404), "HTTP status 404"),
        (web.Response(status=401), "asks for a token"),
        (web.Response(status=500), "HTTP status 500"),
        (web.Response(text="hello"), "something else than JSON"),
        (web.json_response({"hello": 1}), "something else than a call"),
        (web.json_response([]), "something else than a call"),
        (web.json_response({"sdp": "nonsense", "type": "answer"}), "no session description"),
    ],
)
async def test_what_is_no_agent_is_said_so(reply: web.Response, sentence: str):
    async def answer(_: web.Request) -> web.Response:
        return reply

    app = web.Application()
    app.router.add_post("/api/offer", answer)
    async with TestServer(app) as server:
        with pytest.raises(CannotCall, match=sentence):
            await place_call(str(server.make_url("/")), [BEEP])


@pytest.mark.parametrize("scheme", ["https", "nonsense"])
async def test_a_wrong_scheme_is_said_so(scheme: str):
    async with answering(Silence()) as url:
        with pytest.raises(CannotCall, match="nothing answers|not an address"):
            await place_call(url.replace("http", scheme), [BEEP])


async def test_a_certificate_nobody_vouches_for_is_said_so(self_signed: ssl.SSLContext):
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=self_signed)
    with pytest.raises(CannotCall, match="nothing answers.*certificate"):
        await place_call(str(server.make_url("/")), [BEEP])
    await server.close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "no such file"), (b"", "not a WAV"), (b"hello" * 99, "not a WAV"), (b"RIFF", "not a WAV")],
)
async def test_a_file_that_cannot_be_played_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
):
    file = tmp_path / "hello.wav"
    if content is not None:
        file.write_bytes(content)
    assert await run("http://127.0.0.1:1", tmp_path, str(file)) == 1
    assert sentence in capsys.readouterr().err


def test_a_recording_that_could_not_be_written_is_said_so_before_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["hello.wav", "--out", str(tmp_path / "nowhere" / "call.wav")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_a_file_without_samples_is_refused(tmp_path: Path):
    with pytest.raises(NotAudio, match="no samples"):
        read_wav(write_wav(tmp_path / "nothing.wav", ms=0))


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize(("channels", "width"), [(1, 1), (1, 2), (2, 2), (2, 3), (1, 4)])
def test_any_wav_is_read(tmp_path: Path, rate_hz: int, channels: int, width: int):
    samples = read_wav(write_wav(tmp_path / "a.wav", 300, rate_hz, channels, width))
    assert len(samples) == pytest.approx(0.3 * CALL_HZ, rel=0.01)
    assert np.abs(samples.astype(int)).max() == pytest.approx(16_384, rel=0.05)


def test_floating_point_is_read(tmp_path: Path):
    assert len(read_wav(write_float_wav(tmp_path / "a.wav"))) == pytest.approx(24_000, abs=20)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"type": "user-transcription", "data": {"text": "hi", "final": true}}', Transcript("hi")),
        ('{"type": "user-transcription", "data": {"text": "hi", "final": false}}', None),
        ('{"type": "user-llm-text", "data": {"text": "hi"}}', Asked("hi")),
        ('{"type": "bot-tts-text", "data": {"text": "hi"}}', Spoken("hi")),
        (
            '{"type": "metrics", "data": {"ttfb": [{"processor": "A", "value": 1}, 7]}}',
            FirstBytes({"A": 1000.0}),
        ),
        ('{"type": "metrics", "data": {"ttfb": 7}}', FirstBytes({})),
        ("not json", None),
        ("7", None),
        ('{"type": 7}', None),
        (client_ready(), None),
    ],
)
def test_a_message_is_read_or_passed_over(text: str, event: object):
    assert read_message(text) == event


async def run(url: str, folder: Path, *arguments: str) -> int:
    """The command, with a recording in `folder`; its exit status."""
    return await asyncio.to_thread(main, [*arguments, "--url", url, "--out", str(folder / "call.wav")])
