"""Put the packets of a WebRTC audio track in order, at a delay that stays what it is set to.

aiortc's own buffer hands out one frame for each packet that comes: after a packet that came late it holds one
more for the rest of the call, after one that was lost 14 instead of 4, 280 ms instead of 80, having dropped
five frames where one was lost. Here a packet is given up once `hold` newer ones have come, and with it the
time it took.

    come     0  1  2  3  5  4  6  7      hold = 2
    go             0  1  2  3  4  5

Nothing here evens out the times of arrival, nor does aiortc: who plays the audio does that.
"""

# Pipecat leaves its event handlers untyped.
# pyright: reportUnknownMemberType=false

from typing import TYPE_CHECKING, NamedTuple

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket
from loguru import logger

if TYPE_CHECKING:  # a caller uses this module too, and needs nothing of Pipecat
    from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

PACKET_MS = 20
"""What WebRTC's audio packets last everywhere."""
FAR_PACKETS = 100
"""A packet this far from the last is from a new sequence: somebody was muted, or changed the device."""
BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""Where aiortc keeps it; it has no setting for it. Pipecat replaces that of video tracks the same way."""


class Counts(NamedTuple):
    """What happened to packets."""

    lost: int
    """Given up. Those that came after all are among them."""
    late: int
    """Came after they had been given up."""


class ReorderBuffer:
    """Has the part of aiortc's buffer that its receiver uses. An audio packet is a frame."""

    def __init__(self, hold: int) -> None:
        """Wait for a packet until `hold` newer ones have come; all are handed out that much later."""
        self._hold = hold
        self._next: int | None = None
        self._newest = 0
        self._waiting: dict[int, RtpPacket] = {}  # at most FAR_PACKETS
        self.counts = Counts(lost=0, late=0)

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take a packet; False (no picture is to be asked for), and the frame that is due, if one is."""
        number = packet.sequence_number
        if self._next is None or abs(_ahead(number, self._next)) >= FAR_PACKETS:
            self._waiting.clear()
            self._next = self._newest = number
        if _ahead(number, self._next) < 0:
            self.counts = self.counts._replace(late=self.counts.late + 1)
            return False, None
        self._waiting[number] = packet
        if _ahead(number, self._newest) > 0:
            self._newest = number
        return False, self._take(self._next) if _ahead(self._newest, self._next) >= self._hold else None

    def _take(self, number: int) -> JitterFrame:
        """The oldest that is there. What is missing before it is given up."""
        while number not in self._waiting:
            number = (number + 1) & 0xFFFF
            self.counts = self.counts._replace(lost=self.counts.lost + 1)
        packet = self._waiting.pop(number)
        self._next = (number + 1) & 0xFFFF
        return JitterFrame(getattr(packet, "_data", b""), packet.timestamp)


def hold_packets(receiver: RTCRtpReceiver, hold: int) -> ReorderBuffer | None:
    """Have a receiver of audio use such a buffer from its next packet on.

    None where this version of aiortc has no place for it.
    """
    if not hasattr(receiver, BUFFER):
        logger.warning("this version of aiortc keeps its jitter buffer elsewhere: it is left as it is")
        return None
    buffer = ReorderBuffer(hold)
    setattr(receiver, BUFFER, buffer)
    return buffer


def keep_order(connection: "SmallWebRTCConnection", hold: int) -> None:
    """Have a call's audio use such a buffer, each time it is connected."""

    async def connected(connection: "SmallWebRTCConnection") -> None:
        for transceiver in connection.pc.getTransceivers():
            if transceiver.kind == "audio":
                hold_packets(transceiver.receiver, hold)

    connection.add_event_handler("connected", connected)


def _ahead(number: int, of: int) -> int:
    """How far one 16-bit sequence number is ahead of another."""
    return ((number - of + 0x8000) & 0xFFFF) - 0x8000
