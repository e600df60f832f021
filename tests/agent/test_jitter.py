from collections.abc import Iterable

import pytest
from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket
from hypothesis import given, strategies as st
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from agent.jitter import BUFFER, Counts, ReorderBuffer, hold_packets, keep_order
from tests.agent.stand_ins import eventually


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 2**16, timestamp=960 * number % 2**32)
    made._data = str(number).encode()  # type: ignore[attr-defined]
    return made


def out(buffer: ReorderBuffer | JitterBuffer, numbers: Iterable[int]) -> list[int | None]:
    """What comes out as each packet goes in."""
    frames = (buffer.add(packet(number))[1] for number in numbers)
    return [int(frame.data) if frame else None for frame in frames]


@pytest.mark.parametrize("hold", [0, 1, 4])
def test_in_order_each_packet_is_held_as_long_as_set(hold: int):
    assert out(ReorderBuffer(hold), range(10)) == [None] * hold + list(range(10 - hold))


def test_in_order_it_does_what_aiortc_does():
    numbers = range(2**16 - 5, 2**16 + 20)
    assert out(ReorderBuffer(4), numbers) == out(JitterBuffer(capacity=16, prefetch=4), numbers)


def test_a_packet_that_comes_late_costs_no_delay_for_the_rest_of_the_call():
    numbers = [*range(10), 12, 10, 11, *range(13, 30)]
    heard = out(buffer := ReorderBuffer(4), numbers)
    assert (heard[-1], buffer.counts) == (25, Counts(0, 0))
    assert [number for number in heard if number is not None] == list(range(26))


def test_a_lost_packet_costs_itself_and_nothing_else():
    heard = out(buffer := ReorderBuffer(2), [n for n in range(30) if n != 10])
    assert (heard[-1], buffer.counts) == (27, Counts(lost=1, late=0))
    assert [number for number in heard if number is not None] == [n for n in range(28) if n != 10]


def test_aiortc_stays_late_after_a_lost_packet():
    """Why this exists. Where it fails, aiortc has become better, and this may go."""
    heard = out(JitterBuffer(capacity=16, prefetch=4), [n for n in range(60) if n != 10])
    assert heard[-1] == 59 - 14


def test_what_comes_after_it_was_given_up_is_dropped():
    heard = out(buffer := ReorderBuffer(1), [0, 1, 3, 4, 2, 5])
    assert [number for number in heard if number is not None] == [0, 1, 3, 4]
    assert buffer.counts == Counts(lost=1, late=1)


def test_after_a_jump_it_begins_anew():
    assert out(ReorderBuffer(1), [0, 1, 5_000, 5_001, 5_002]) == [None, 0, None, 5_000, 5_001]


@given(st.integers(0, 8), st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 2**16 - 1))
def test_whatever_happens_on_the_way_the_order_is_kept_and_the_delay_comes_back(
    hold: int, delays: list[int], first: int
):
    """Packets are delayed by 0 to 4 places, or lost (5); then the network is well again."""
    sent = [(first + at + delay, first + at) for at, delay in enumerate(delays) if delay < 5]
    calm = range(first + len(delays) + 5, first + len(delays) + 45)
    heard = out(ReorderBuffer(hold), [number for _, number in sorted(sent)] + list(calm))
    frames = [number for number in heard if number is not None]
    assert frames == sorted(set(frames))
    assert heard[-1] == calm[-1] - hold


async def test_a_receiver_uses_it():
    peer = RTCPeerConnection()
    receiver = peer.addTransceiver("audio").receiver
    assert getattr(receiver, BUFFER) is not hold_packets(receiver, 1) is getattr(receiver, BUFFER)
    await peer.close()


async def test_a_call_uses_it_once_it_is_connected():
    connection = SmallWebRTCConnection()
    receiver = connection.pc.addTransceiver("audio").receiver
    keep_order(connection, 1)
    await connection._call_event_handler("connected")
    await eventually(lambda: isinstance(getattr(receiver, BUFFER), ReorderBuffer))
    await connection.pc.close()


def test_a_receiver_that_keeps_its_buffer_elsewhere_is_left_alone():
    assert hold_packets(object(), 1) is None  # type: ignore[arg-type]
