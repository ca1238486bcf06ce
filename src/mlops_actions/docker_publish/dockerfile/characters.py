"""Which characters BuildKit takes for blanks: Go's, not Python's."""

from __future__ import annotations

import re

# Go's unicode.IsSpace; Python's str.strip() also takes U+001C to U+001F.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# What parts a keyword from its arguments, and words from each other.
GAP = re.compile("[\t\v\f\r ]+")
BYTE_ORDER_MARK = "\ufeff"


def decode(content: bytes) -> str:
    """Return a Dockerfile's text: every byte that is not UTF-8 is kept, and no line end is changed."""
    return content.decode("utf-8", "surrogateescape")
