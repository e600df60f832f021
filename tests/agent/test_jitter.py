from collections.abc import Iterable

import pytest
from aiortc import RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket
from hypothesis import given, strategies as st
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from agent.jitter import BUFFER, HANDLE, Order, Passing, keep_order, put_in_order
from tests.agent.stand_ins import eventually


def packet(number: int) -> RtpPacket:
    made = RtpPacket(sequence_number=number % 2**16, timestamp=960 * number % 2**32)
    made._data = str(number).encode()  # type: ignore[attr-defined]
    return made


def number_of(packet: RtpPacket) -> int:
    return int(getattr(packet, "_data"))  # noqa: B009 - aiortc's own, without a type


def out(order: Order, numbers: Iterable[int]) -> list[list[int]]:
    """What goes on as each packet comes."""
    return [[number_of(due) for due in order.add(packet(number))] for number in numbers]


@pytest.mark.parametrize("hold", [0, 1, 4])
def test_in_order_nothing_is_held(hold: int):
    numbers = range(2**16 - 5, 2**16 + 20)
    assert out(Order(hold), numbers) == [[number] for number in numbers]


def test_a_packet_that_comes_late_holds_up_those_behind_it_alone():
    assert out(Order(4), [0, 2, 3, 1, 4]) == [[0], [], [], [1, 2, 3], [4]]


def test_a_lost_packet_is_given_up_when_enough_newer_ones_have_come():
    assert out(Order(2), [0, 2, 3, 4]) == [[0], [], [2, 3], [4]]


def test_aiortc_stays_late_after_a_lost_packet():
    """Why this exists. Where it fails, aiortc has become better, and this may go."""
    buffer = JitterBuffer(capacity=16, prefetch=4)
    heard = [buffer.add(packet(number))[1] for number in range(60) if number != 10]
    assert heard[-1]
    assert int(heard[-1].data) == 59 - 14


def test_what_comes_after_it_was_given_up_is_dropped():
    assert out(Order(1), [0, 2, 1, 3]) == [[0], [2], [], [3]]


def test_one_that_comes_twice_goes_on_once():
    assert out(Order(4), [0, 1, 1, 3, 3, 2]) == [[0], [1], [], [], [], [2, 3]]


def test_after_a_jump_it_begins_anew():
    assert out(Order(1), [0, 1, 5_000, 5_001]) == [[0], [1], [5_000], [5_001]]


@given(st.integers(0, 8), st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 2**16 - 1))
def test_whatever_happens_on_the_way_the_order_is_kept_and_no_delay_stays(
    hold: int, delays: list[int], first: int
):
    """Packets are delayed by 0 to 4 places, or lost (5); then the network is well again."""
    sent = [(first + at + delay, first + at) for at, delay in enumerate(delays) if delay < 5]
    calm = range(first + len(delays) + 5, first + len(delays) + 45)
    heard = out(Order(hold), [number for _, number in sorted(sent)] + list(calm))
    numbers = [number for due in heard for number in due]
    assert numbers == sorted(set(numbers))
    assert heard[-20:] == [[number] for number in calm[-20:]]


async def test_a_receiver_uses_it():
    peer = RTCPeerConnection()
    receiver = peer.addTransceiver("audio").receiver
    taken: list[int] = []

    async def handle(packet: RtpPacket, arrival_time_ms: int) -> None:
        taken.append(number_of(packet))

    setattr(receiver, HANDLE, handle)
    put_in_order(receiver, 4)
    once = getattr(receiver, HANDLE)
    put_in_order(receiver, 4)
    assert getattr(receiver, HANDLE) is once  # connected again
    for number in (7, 9, 8):
        await getattr(receiver, HANDLE)(packet(number), arrival_time_ms=1)
    assert (taken, isinstance(getattr(receiver, BUFFER), Passing)) == ([7, 8, 9], True)
    await peer.close()


async def test_a_call_uses_it_once_it_is_connected():
    connection = SmallWebRTCConnection()
    receiver = connection.pc.addTransceiver("audio").receiver
    keep_order(connection, 1)
    await connection._call_event_handler("connected")
    await eventually(lambda: isinstance(getattr(receiver, BUFFER), Passing))
    await connection.pc.close()


def test_a_receiver_that_keeps_its_buffer_elsewhere_is_left_alone():
    receiver = object()
    put_in_order(receiver, 1)  # type: ignore[arg-type]
    assert not hasattr(receiver, HANDLE)
