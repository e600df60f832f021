"""Whose sound is in the microphone: the caller's, or the agent's own come back? Pure.

    played ─► powers ─┐ delayed, weakened, smeared: what the echo should look like
    heard  ─► powers ─┴► in how many bands is there more than that?

Both are compared by the powers of 16 bands every 10 ms, not sample by sample: a codec, a room or a jitter
buffer changes an echo's waveform, but not much when and where in the spectrum it is loud. The echo's delay is
where the two are most alike over the last two seconds; how much of each band comes back is a low percentile
of what was heard over what was played, since a caller who speaks as well only ever adds to it.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Powers = NDArray[np.float32]
Samples = NDArray[np.int16]

HOP_MS = 10
WINDOW_MS = 20
BANDS = 16
LOWEST_HZ, HIGHEST_HZ = 150, 6_000
KEPT_HOPS = 512
WINDOW_HOPS = 200
"""Delay and strength of the echo are found in two seconds: five words of either."""
LONGEST_DELAY_HOPS = 70
"""300 ms in the room and the caller's device, and as much for the network both ways."""
RENEW_HOPS = 10
LEAST_HOPS = 15
"""Less than 150 ms of the agent's voice is not compared."""

ACTIVE = 1e-3
"""Of the loudest hop played: what is 30 dB below it makes no echo worth comparing."""
LOUD = 0.1
"""How much of a band comes back is measured where it is loud: within 10 dB of its loudest."""
LIKENESS = 0.35
"""Two people who speak at once reach 0.3 at their best delay; an echo is at 0.6 and more."""
FORGETTING = np.float32(0.97)
"""Every 100 ms in which no echo can be made out: there is none any more, or the caller speaks."""
LOUDEST_SHARE = 1.0
"""No echo is louder than what was played; a caller over a tone would otherwise be the tone's echo."""
SHARE_PERCENTILE = 30
MARGIN = 6.0
"""An echo's bands lie within 8 dB of what is expected (see tests/benchmarks/interruptions.py)."""
FLOOR_PERCENTILE = 20
FLOOR_MARGIN = 2.0
CALLERS_SHARE = 0.3
"""Of the power heard: what neither echo nor noise explains, where the caller speaks."""
DECAY = 0.6
"""Of an echo's power, each 10 ms: a room whose reverberation lasts 0.27 s."""
SMEAR = np.array([0.5, 1.0, *DECAY ** np.arange(12)], np.float32)
"""How much of each hop, from the one after on back, is heard in one: the two clocks differ by up to a hop."""
CAP_PERCENTILE = 75
"""Whatever is louder than most of two seconds counts as that: half a second of coughing hides no echo."""
QUIET = 1e-4
"""Of the loudest hop: likeness is not sought in what is 40 dB below it."""
SILENCE = np.float32(1.0)
"""Power of a band: a tone of one unit of int16. Added before logarithms are taken."""


def _edges() -> NDArray[np.intp]:
    """The bands' first FFT bins, 50 Hz apart at every rate; equally wide on the mel scale."""
    lowest, highest = (2595 * math.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    mels = np.linspace(lowest, highest, BANDS + 1)
    return np.round(700 * (10 ** (mels / 2595) - 1) / (1000 / WINDOW_MS)).astype(np.intp)


EDGES = _edges()


class BandPowers:
    """Samples in, the powers of their bands out."""

    def __init__(self, rate_hz: int) -> None:
        self._hop = rate_hz * HOP_MS // 1000
        size = rate_hz * WINDOW_MS // 1000
        self._window = np.hanning(size).astype(np.float32)
        self._scale = np.float32(1 / np.sum(self._window) ** 2)
        self.clear()

    def clear(self) -> None:
        """Forget the samples that have not filled a hop."""
        self._held = np.zeros(len(self._window) - self._hop, np.float32)

    def push(self, samples: Samples) -> Powers:
        """Samples (T,) int16 -> (hops that they complete, BANDS)."""
        held = np.concatenate([self._held, samples.astype(np.float32)])
        hops = max(0, (len(held) - len(self._window)) // self._hop + 1)
        self._held = held[hops * self._hop :]
        if not hops:
            return np.zeros((0, BANDS), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(held, len(self._window))[:: self._hop][:hops]
        spectrum = np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2
        sums = np.add.reduceat(spectrum[:, : EDGES[-1]], EDGES[:-1], axis=1)
        return (sums * self._scale).astype(np.float32)


class Track:
    """The last KEPT_HOPS hops of one sound on a clock that counts hops; zeros where there was none."""

    def __init__(self, rate_hz: int, slack_ms: int) -> None:
        """What comes up to `slack_ms` off the time when it should follows what came before."""
        self._bands = BandPowers(rate_hz)
        self._hop_ms_samples = rate_hz * HOP_MS // 1000
        self._slack_hops = slack_ms // HOP_MS
        self._ring = np.zeros((KEPT_HOPS, BANDS), np.float32)
        self._due = -np.inf
        self.begin = self.end = 0
        """The first hop since the last long silence, and the hop after the newest."""

    def push(self, at_ms: float, samples: Samples) -> int:
        """Take samples that began to sound at a time; how many hops are new."""
        at = at_ms / HOP_MS
        if abs(at - self._due) > self._slack_hops:
            self._jump(round(at))
            self._due = at
        self._due += len(samples) / self._hop_ms_samples
        powers = self._bands.push(samples)
        self._write(powers)
        return len(powers)

    def hops(self, start: int, count: int) -> Powers:
        """(count, BANDS) from a hop on; zeros for those that are too old, or to come."""
        wanted = np.arange(start, start + count)
        found = self._ring[wanted % KEPT_HOPS]
        found[(wanted < self.end - KEPT_HOPS) | (wanted >= self.end)] = 0
        return found

    def _jump(self, hop: int) -> None:
        self._bands.clear()
        if hop - self.end > WINDOW_HOPS or self.begin == self.end:
            self.begin = hop
        if hop > self.end:
            self._write(np.zeros((min(hop - self.end, KEPT_HOPS), BANDS), np.float32), hop)
        else:  # a clock that went back
            self._ring[:] = 0
            self.begin = self.end = hop

    def _write(self, powers: Powers, end: int | None = None) -> None:
        self.end = self.end + len(powers) if end is None else end
        self._ring[np.arange(self.end - len(powers), self.end) % KEPT_HOPS] = powers


class Coupling(NamedTuple):
    """How the agent's voice comes back: `share` (BANDS,) of its power, `delay` hops later; and the noise."""

    delay: int
    share: Powers
    floor: Powers


SILENT_ROOM = Coupling(0, np.zeros(BANDS, np.float32), np.zeros(BANDS, np.float32))


class EchoWatch:
    """Takes what was played and what is heard, each with its time in ms by one clock; 0.3 ms per 20 ms."""

    def __init__(self, played_hz: int, heard_hz: int) -> None:
        self._played = Track(played_hz, slack_ms=100)
        self._heard = Track(heard_hz, slack_ms=1_000)
        self.coupling = SILENT_ROOM
        self._renewed = 0

    def played(self, at_ms: float, samples: Samples) -> None:
        """What left the agent (T,), and when."""
        self._played.push(at_ms, samples)

    def heard(self, at_ms: float, samples: Samples) -> int:
        """What the microphone brought (T,), and when; how much of it is the caller's, in ms."""
        new = self._heard.push(at_ms, samples)
        if self._heard.end - self._renewed >= RENEW_HOPS:
            self._renewed = self._heard.end
            self.coupling = self._couple()
        return self.callers_ms(new * HOP_MS)

    def callers_ms(self, recent_ms: int) -> int:
        """How much of what was heard last is the caller's, by what is known of the echo now."""
        count = recent_ms // HOP_MS
        if not count:
            return 0
        start = self._heard.end - count
        heard = self._heard.hops(start, count)
        expected = MARGIN * self.coupling.share * self._smeared(start - self.coupling.delay, count)
        unexplained = np.maximum(heard - expected - FLOOR_MARGIN * self.coupling.floor, 0)
        callers = unexplained.sum(1) > CALLERS_SHARE * heard.sum(1) + BANDS * SILENCE
        return HOP_MS * int(np.count_nonzero(callers))

    def _smeared(self, start: int, count: int) -> Powers:
        """What was played, as a room makes it last."""
        back = len(SMEAR) - 2
        played = self._played.hops(start - back, count + back + 1)
        windows = np.lib.stride_tricks.sliding_window_view(played, len(SMEAR), axis=0)
        return (windows * SMEAR[::-1]).max(2)

    def _couple(self) -> Coupling:
        """How the last two seconds of both go together."""
        end = self._heard.end
        known = min(WINDOW_HOPS, end - self._heard.begin)
        if known < LEAST_HOPS:
            return self.coupling
        heard = self._heard.hops(end - known, known)
        floor = np.percentile(heard, FLOOR_PERCENTILE, axis=0).astype(np.float32)
        count = min(known, end - self._played.begin)
        if count < LEAST_HOPS:
            return Coupling(self.coupling.delay, self.coupling.share, floor)
        around = self._played.hops(end - count - LONGEST_DELAY_HOPS, count + LONGEST_DELAY_HOPS)
        loudest = float(around.sum(1).max())
        if np.count_nonzero(around.sum(1) > ACTIVE * loudest + SILENCE) < LEAST_HOPS:
            return Coupling(self.coupling.delay, self.coupling.share, floor)
        likeness = _likeness(_logs(heard[-count:], floor), _logs(around))
        delay = int(likeness.argmax())
        if likeness[delay] < LIKENESS:
            return Coupling(self.coupling.delay, FORGETTING * self.coupling.share, floor)
        played = self._smeared(end - count - delay, count)
        above_noise = np.maximum(heard[-count:] - FLOOR_MARGIN * floor, 0)
        return Coupling(delay, _share(above_noise, played), floor)


def _share(heard: Powers, played: Powers) -> Powers:
    """How much of each band comes back, by the hops in which it is loud: (T, BANDS) twice -> (BANDS,)."""
    loud = played > LOUD * played.max(0) + SILENCE
    ratios = np.sort(np.where(loud, heard / (played + SILENCE), np.inf), axis=0)
    place = (SHARE_PERCENTILE / 100 * np.count_nonzero(loud, axis=0)).astype(np.intp)
    share = ratios[place, np.arange(BANDS)]
    return np.where(np.isfinite(share), np.minimum(share, LOUDEST_SHARE), 0).astype(np.float32)


def _logs(powers: Powers, floor: Powers | float = 0.0) -> Powers:
    """Log powers of what can be heard over the noise and beside the loudest; a cough's count for little."""
    capped = np.minimum(powers, np.percentile(powers, CAP_PERCENTILE, axis=0))
    return np.log(capped + floor + QUIET * powers.sum(1).max() + SILENCE).astype(np.float32)


def _likeness(heard: Powers, around: Powers) -> NDArray[np.float32]:
    """The correlation of log powers at each delay: (T, BANDS), (LONGEST_DELAY_HOPS + T, BANDS)."""
    count = len(heard)
    wanted = heard - heard.mean(0)
    # windows[i] begins i hops into `around`, so it is delayed by LONGEST_DELAY_HOPS - i.
    windows = np.lib.stride_tricks.sliding_window_view(around, count, axis=0)
    sums = np.cumsum(np.concatenate([np.zeros((1, BANDS)), around]), axis=0)
    squares = np.cumsum(np.concatenate([np.zeros((1, BANDS)), around**2]), axis=0)
    mean = (sums[count:] - sums[:-count]) / count
    energy = squares[count:] - squares[:-count] - count * mean**2
    product = np.einsum("dbt,tb->d", windows, wanted, optimize=True)
    scale = np.sqrt(np.maximum(energy.sum(1), 1e-6) * max(float(np.sum(wanted**2)), 1e-6))
    return (product / scale)[::-1].astype(np.float32)
