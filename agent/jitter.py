"""Put the packets of a WebRTC audio track in order, and hold up none for it but those behind a gap.

aiortc's own buffer holds every packet until four newer ones have come, 80 ms, and hands out one frame for
each packet that comes: after one that was lost it holds 14, 280 ms for the rest of the call, having dropped
five frames where one was lost. Here a packet in its turn goes on at once; one that is missing is waited for
until `hold` newer ones have come, and then those behind it go on together.

    come     0  1  3  2    5  6     7  8      hold = 2
    go       0  1     2 3        5 6 7  8

Nothing here evens out the times of arrival: a recognizer needs no even times, and who plays the audio has a
playout of its own.
"""

# Pipecat leaves its event handlers untyped.
# pyright: reportUnknownMemberType=false

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

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
HANDLE = "_handle_rtp_packet"
"""What aiortc's transport hands each packet to."""


class Order:
    """Of the packets of one track."""

    def __init__(self, hold: int) -> None:
        """Wait for a missing packet until `hold` newer ones have come."""
        self._hold = hold
        self._next: int | None = None
        self._newest = 0
        self._waiting: dict[int, RtpPacket] = {}  # at most FAR_PACKETS

    def add(self, packet: RtpPacket) -> list[RtpPacket]:
        """Take a packet; those that are due now, in order."""
        number = packet.sequence_number
        if self._next is None or abs(_ahead(number, self._next)) >= FAR_PACKETS:
            self._waiting.clear()
            self._next = self._newest = number
        if _ahead(number, self._next) < 0:
            return []  # it was given up
        self._waiting[number] = packet
        if _ahead(number, self._newest) > 0:
            self._newest = number
        return list(self._due(self._next))

    def _due(self, number: int) -> Iterator[RtpPacket]:
        while self._waiting and (number in self._waiting or _ahead(self._newest, number) >= self._hold):
            if packet := self._waiting.pop(number, None):
                yield packet
            self._next = number = (number + 1) & 0xFFFF


class Passing:
    """Has the part of aiortc's buffer that its receiver uses; holds nothing. An audio packet is a frame."""

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame]:
        """False (no picture is to be asked for), and the packet's frame."""
        return False, JitterFrame(getattr(packet, "_data", b""), packet.timestamp)


def put_in_order(receiver: RTCRtpReceiver, hold: int) -> None:
    """Have a receiver of audio get its packets in order, and hand each on when it gets it.

    Where this version of aiortc has no place for that, it is left as it is, with a warning.
    """
    if not hasattr(receiver, BUFFER) or not hasattr(receiver, HANDLE):
        logger.warning("this version of aiortc keeps its jitter buffer elsewhere: it is left as it is")
        return
    if isinstance(getattr(receiver, BUFFER), Passing):
        return  # connected again: a second order of packets would only repeat the first
    order = Order(hold)
    handle: Callable[[RtpPacket, int], Awaitable[None]] = getattr(receiver, HANDLE)

    async def handle_in_order(packet: RtpPacket, arrival_time_ms: int) -> None:
        for due in order.add(packet):
            await handle(due, arrival_time_ms)

    setattr(receiver, HANDLE, handle_in_order)
    setattr(receiver, BUFFER, Passing())


def keep_order(connection: "SmallWebRTCConnection", hold: int) -> None:
    """Have a call's audio put in order, each time it is connected."""

    async def connected(connection: "SmallWebRTCConnection") -> None:
        for transceiver in connection.pc.getTransceivers():
            if transceiver.kind == "audio":
                put_in_order(transceiver.receiver, hold)

    connection.add_event_handler("connected", connected)


def _ahead(number: int, of: int) -> int:
    """How far one 16-bit sequence number is ahead of another."""
    return ((number - of + 0x8000) & 0xFFFF) - 0x8000
