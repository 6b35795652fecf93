"""Checksums. A failure means that good files are refused, or that TensorFlow refuses
ours."""

import numpy as np
import pytest

from common.files.crc32c import crc32c, masked


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_crc_is_that_of_rfc_3720(data, expected):
    assert crc32c(data) == expected


def divided(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (byte & 1) * 0x82F63B78
    return byte


TABLE = [divided(byte) for byte in range(256)]


def byte_by_byte(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("size", [*range(0, 70, 3), 4096, 65_537, 140_001])
def test_crc_of_any_length_is_the_division_byte_by_byte(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == byte_by_byte(data)


def test_masked_crc_is_rotated_and_shifted():
    crc = 0xE3069283
    rotated = (crc >> 15) | (crc & 0x7FFF) << 17
    assert masked(b"123456789") == (rotated + 0xA282EAD8) % 2**32
