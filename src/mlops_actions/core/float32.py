"""Numbers that a training script logged as float32, as NumPy and PyTorch do, and that a tracker widened to 64 bits.

`numpy.float32(0.95)` arrives as `0.949999988079071`, which is not at least 0.95. The number that was meant is the shortest
decimal that is this float32: 0.95.
"""

from __future__ import annotations

import struct

# A float32 has at most 9 significant digits. Its widened form nearly always has 15 or more, while a fraction such as
# 973/1024 is exact in both: with no more digits than this, a number is taken as it stands.
_MAX_OWN_DIGITS = 12
_FLOAT32_DIGITS = 9
_FLOAT32 = struct.Struct("f")


def as_logged(value: float) -> float:
    """Return the shortest decimal of a number that is exactly a float32; any other number as it is.

    The order of two numbers of float32 is kept, and equal ones stay equal.
    """
    packed = _packed(value)
    if packed is None or _FLOAT32.unpack(packed)[0] != value:
        return value  # nearly every number of 64 bits: this is asked first because it is quick
    if len(f"{value!r}".partition("e")[0].strip("-").replace(".", "").strip("0")) <= _MAX_OWN_DIGITS:
        return value
    texts = (f"{value:.{digits}g}" for digits in range(1, _FLOAT32_DIGITS + 1))
    return next((float(text) for text in texts if _packed(float(text)) == packed), value)


def _packed(value: float) -> bytes | None:
    try:
        return _FLOAT32.pack(value)
    except OverflowError:  # larger than any float32
        return None
