"""Everything that can be set about the agent. The only module of the agent that reads the environment."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, SecretStr, WebsocketUrl, field_validator
from pydantic.networks import HttpUrl
from pydantic_settings import SettingsConfigDict

from wire.settings import ListeningSettings, Port

SYSTEM_PROMPT = (
    "You are a friendly voice assistant. Your answers are spoken aloud, "
    "so keep them to one or two short sentences of plain words."
)
GREETING_CUE = "The caller has just connected. Greet them in one sentence."

Ms = Annotated[int, Field(gt=0)]
FromText = BeforeValidator(int)
"""The environment has text, and a Literal of numbers takes no text."""


class AgentSettings(ListeningSettings):
    """Where the agent listens, which servers it talks to, and how it holds a conversation."""

    model_config = SettingsConfigDict(env_prefix="AGENT_")

    port: Port = 7860
    """A caller gives the `token` as a bearer token, or as the password a browser asks for."""
    allowed_origins: tuple[str, ...] = ()
    """Further web sites whose pages may call, such as https://example.org; the agent's own always may."""

    asr_url: WebsocketUrl = WebsocketUrl("ws://127.0.0.1:8080/v1/stream")
    asr_token: SecretStr = SecretStr("")
    tts_url: WebsocketUrl = WebsocketUrl("ws://127.0.0.1:8001/v1/stream")
    tts_token: SecretStr = SecretStr("")
    llm_url: HttpUrl = HttpUrl("http://127.0.0.1:8000/v1")
    llm_token: SecretStr = SecretStr("")
    llm_model: str = "default"
    """The name of the model; our own LLM server serves its one model by any name."""
    llm_temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """By default what the server thinks right for its model."""
    llm_max_tokens: Annotated[int, Field(gt=0)] = 512
    """An answer is spoken: 512 tokens are some three minutes."""

    language: str = "en"
    voice: str | None = None
    """By default the TTS server's."""
    voice_preset: Literal["lowest_latency", "balanced", "smoothest"] = "lowest_latency"
    right_context: Annotated[int, Field(ge=0, le=64)] = 1
    """How far the ASR model looks ahead, in its encoder's frames."""

    system_prompt: str = SYSTEM_PROMPT
    greeting_cue: str = GREETING_CUE
    """What makes the model say the first words of a call."""
    sorry_not_heard: str = "Sorry, I didn't catch that."
    """Said when a noise interrupted the agent, or when the ASR server lost what the caller said or was not
    sure of it."""
    sorry_no_answer: str = "Sorry, I can't think of an answer right now. Please say that again in a moment."
    """Said when the LLM server failed."""
    sorry_no_voice: str = "Sorry, my voice failed. Please say that again."
    """Said when the TTS server failed and is back, or took no more of an answer."""
    one_moment: str = "One moment, please."
    """Said to a caller who waits for an answer, after `one_moment_ms`."""
    still_waiting: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "I'm still working on it.",
        "It takes a little longer than usual.",
        "Thank you for waiting.",
    )
    """Said in turn to one who waits on, each time after `still_waiting_ms`."""
    are_you_there: str = "Are you still there?"
    """Said to a caller who has said nothing for a while."""
    goodbye: str = "I can't hear you, so I will hang up now. Goodbye."
    """Said to one who still says nothing, before hanging up."""

    audio_out_hz: Annotated[Literal[16_000, 24_000, 48_000], FromText] = 24_000
    """Asked of the TTS server, so that nothing is resampled on the way; Opus is at home at all three."""
    audio_out_chunk_ms: Annotated[Literal[10, 20, 40], FromText] = 20

    jitter_packets: Annotated[int, Field(ge=0, le=15)] = 4
    """Over WebRTC, how many newer packets of 20 ms may come before one that is missing is given up. Audio is
    that much later behind a gap, and nowhere else."""

    vad_start_ms: Ms = 200
    """Speech that counts as speech: it starts the caller's turn; the agent, if it speaks, becomes quieter."""
    vad_lead_ms: Annotated[int, Field(ge=0)] = 300
    """How much earlier than that the ASR server is to listen: soft beginnings, and breath."""
    vad_stop_ms: Ms = 200
    """Silence that counts as a pause, at which Smart Turn is asked and the transcript is committed."""
    vad_hangover_ms: Annotated[int, Field(ge=0)] = 10
    """How long Silero hears speech after it ended: 13 to 100 ms on flite's voices. The lower end, so that
    the ASR server never believes in more silence than there was."""
    smart_turn_stop_ms: Ms = 1_200
    """Silence after which a turn is over whatever Smart Turn thinks; wrong verdicts cost no more. Where the
    words tell that there is no more to come, it is less (patience.py)."""
    longest_noise_ms: Ms = 15_000
    """What the VAD takes for speech for so long, while the ASR server hears no new word in it, is a noise:
    the turn ends as if it had fallen silent."""
    answer_ahead: bool = True
    """Whether the LLM and the TTS begin at `eager_ms`, before it is known that the caller has finished;
    nothing is heard before. Where the caller goes on, it was in vain, and costs tokens. Also whether the
    prompt is prefilled while the caller speaks, by an LLM server that can. If not, the LLM begins at the
    VAD's pause, while Smart Turn thinks, and the TTS once the turn is over."""
    eager_ms: Annotated[int, Field(ge=0)] = 100
    """Silence from which on to answer ahead; 0, or `vad_stop_ms` and more: from the VAD's pause on."""
    one_moment_ms: Ms = 1_100
    """How long a caller waits in silence, from the end of their turn; then they hear `one_moment`."""
    still_waiting_ms: Ms = 4_000
    """How long they wait in silence after that, until they hear the next of `still_waiting`."""
    caller_silence_ms: Annotated[int, Field(ge=0)] = 30_000
    """For a caller who says nothing once the agent has spoken: then they are asked whether they are there,
    and after the same time again the agent hangs up. Not while a timer runs. 0: it waits."""

    interrupt_after_ms: Ms = 700
    """Speech that interrupts the agent whatever is said; clear words do so sooner, "mhm" and "okay" not."""
    client_buffer_ms: Annotated[int, Field(ge=0, le=500)] = 150
    """What a WebSocket client throws away unheard when it is interrupted; over WebRTC all is heard."""

    connect_timeout_ms: Ms = 3_000
    """For a server to take a connection and say Ready."""
    asr_final_timeout_ms: Ms = 1_500
    """For the ASR server to answer a Commit; after that the words count as lost."""
    asr_min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How sure the ASR server must be of the words; below it the agent says that it did not catch them,
    instead of asking the LLM. An engine that gives no confidence is believed; with 0, every engine is."""
    tts_timeout_ms: Ms = 5_000
    """For the TTS server's next audio, and for the model's next sentence; after that an answer is over."""
    llm_timeout_ms: Ms = 15_000
    """For the LLM's next token: the first one of a cold, long prompt on a small machine is the slowest."""
    tool_timeout_ms: Ms = 5_000

    time_zone: str | None = None
    """For the time and date tools, such as Europe/Berlin; by default this machine's."""

    @property
    def early_ms(self) -> int:
        """Silence from which on the ASR server is asked, before the VAD calls it a pause; 0: never."""
        return self.eager_ms if self.answer_ahead and self.eager_ms < self.vad_stop_ms else 0

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError for names such as "." or "/"
            raise ValueError("no such time zone; one is Europe/Berlin") from None
        return name
