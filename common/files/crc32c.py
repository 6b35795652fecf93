"""CRC32C (Castagnoli's polynomial), which TensorFlow's and LevelDB's files carry.

A CRC is linear over bits, and appending n zero bytes to the data is a linear map of the
32 bits of its CRC. So the words of a row are summed up side by side, one numpy
operation a row, and the row is folded in half until one word is left.
"""

import functools

import numpy as np
from jaxtyping import UInt8, UInt32

_POLYNOMIAL = 0x82F63B78  # bits reversed: bit 0 is the highest power of x
_LANES = 2**14  # words a row: 64 KiB stay in the cache
_ALL = 0xFFFFFFFF

Map = UInt32[np.ndarray, "4 256"]  # what each value of each byte of a word becomes


def crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """The CRC32C of bytes. About 0.6 GB a second."""
    data = np.frombuffer(data, np.uint8)
    start = _after(np.array([_ALL], np.uint32), len(data))
    return int((start ^ _remainder(data))[0]) ^ _ALL


def masked(data: bytes | memoryview | np.ndarray) -> int:
    """The CRC as files store it, so that data with CRCs inside has another one:
    rotated right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _ALL


def _remainder(data: UInt8[np.ndarray, "bytes"]) -> UInt32[np.ndarray, "1"]:
    """The CRC that starts from 0 and is not inverted at the end. Zeros before the data
    change nothing: they complete the first row."""
    lanes = min(_LANES, 1 << max(0, (len(data) // 4).bit_length() - 1))
    head = len(data) % (4 * lanes)
    sums = np.zeros(4 * lanes, np.uint8)
    sums[4 * lanes - head :] = data[:head]
    sums = sums.view("<u4").astype(np.uint32)
    row = _zero_bytes((4 * lanes).bit_length() - 1)
    for words in np.frombuffer(data, "<u4", offset=head).reshape(-1, lanes):
        sums = _apply(row, sums) ^ words
    while lanes > 1:
        lanes //= 2
        half = _zero_bytes((4 * lanes).bit_length() - 1)
        sums = _apply(half, sums[:lanes]) ^ sums[lanes:]
    return _apply(_zero_bytes(2), sums)


def _after(crc: UInt32[np.ndarray, "n"], zeros: int) -> UInt32[np.ndarray, "n"]:
    """CRCs after so many zero bytes more."""
    for power in range(zeros.bit_length()):
        if zeros >> power & 1:
            crc = _apply(_zero_bytes(power), crc)
    return crc


def _apply(zeros: Map, crc: UInt32[np.ndarray, "n"]) -> UInt32[np.ndarray, "n"]:
    lanes = np.ascontiguousarray(crc, "<u4").view(np.uint8).reshape(-1, 4)
    first = zeros[0].take(lanes[:, 0]) ^ zeros[1].take(lanes[:, 1])
    return first ^ zeros[2].take(lanes[:, 2]) ^ zeros[3].take(lanes[:, 3])


@functools.cache
def _zero_bytes(power: int) -> Map:
    """The map of 2 ** power zero bytes."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if power:
        images = _after(_after(bits, 2 ** (power - 1)), 2 ** (power - 1))
    else:
        images = bits
        for _ in range(8):
            images = images >> 1 ^ (images & 1) * np.uint32(_POLYNOMIAL)
    table = np.zeros((4, 256), np.uint32)
    for byte in range(4):
        for bit in range(8):
            low = 1 << bit
            table[byte, low : 2 * low] = table[byte, :low] ^ images[8 * byte + bit]
    return table
