"""Type aliases that every part of the suite uses."""

from __future__ import annotations

from typing import Any

# A JSON object: what json.loads returns for one, or what json.dumps takes.
Json = dict[str, Any]
