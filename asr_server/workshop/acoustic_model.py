"""Reads the files of PocketSphinx's acoustic model, whose formats are its own (s3_file, bin_mdef, ptm_mgau).

A senone is a part of a phone beside certain others. This model (PTM, "phonetically tied") describes each
phone by 128 Gaussians of the cepstra, as many of their changes, and of the changes of those; a senone is
three mixtures of its phone's.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SENDUMP_UNIT = 1_024 * math.log(1.0001)
"""A byte of `sendump` counts these, negative, of a weight's natural logarithm."""


def gaussians(path: Path) -> NDArray[np.float32]:
    """(phones, streams, densities, dimensions) of an s3 file, all streams of one size."""
    data = path.read_bytes()
    at = data.index(b"endhdr\n") + 7 + 4  # a mark of the byte order
    phones, streams, densities = np.frombuffer(data, np.int32, 3, at)
    sizes = np.frombuffer(data, np.int32, streams, at + 12)
    values = np.frombuffer(data, np.float32, phones * densities * sizes.sum(), at + 16 + 4 * streams)
    return values.reshape(phones, streams, densities, sizes[0]).copy()


def phones(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """The phones' names, and (senones,): the phone that each one's Gaussians belong to."""
    data = path.read_bytes()
    at = 12 + int.from_bytes(data[8:12], "little")  # after a description of the format
    basic, count, states, _, senones, _, sequences, _, nodes, _ = np.frombuffer(data, np.int32, 10, at)
    at += 40
    *names, _ = data[at:].split(b"\0", basic)
    at += sum(len(name) + 1 for name in names) + 3 & ~3  # to a word's border
    at += 8 * nodes  # a tree to find phones by
    kinds = np.dtype([("sequence", "<i4"), ("matrix", "<i4"), ("place", "u1"), ("context", "u1", 3)])
    phones = np.frombuffer(data, kinds, count, at)
    table = np.frombuffer(data, np.uint16, sequences * states, at + kinds.itemsize * count + 4)
    found = np.full(senones, -1, np.int64)
    for place, phone in enumerate(phones):
        own = table.reshape(sequences, states)[phone["sequence"]]
        found[own] = place if place < basic else phone["context"][0]
    if (found < 0).any():
        raise ValueError(f"{path} names no phone for {np.sum(found < 0)} senones")
    return [name.decode() for name in names], found


def mixture_weights(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(streams, densities, senones), in SENDUMP_UNITs: the end of the file."""
    data = np.fromfile(path, np.uint8)
    return data[-math.prod(shape) :].reshape(shape)
