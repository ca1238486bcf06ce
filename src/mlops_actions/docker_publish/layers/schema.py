"""The JSON Schema of the report of layers in `result`."""

from __future__ import annotations

from mlops_actions.core.types import Json

_COUNT: Json = {"type": "integer", "minimum": 0}
_OPTIONAL_COUNT: Json = {"type": ["integer", "null"], "minimum": 0}
_OPTIONAL_TEXT: Json = {"type": ["string", "null"]}


def _object(**properties: Json) -> Json:
    """Return the schema of an object that has all of these properties and no others; `_` stands for `-` in a name."""
    named = {name.replace("_", "-"): schema for name, schema in properties.items()}
    return {"type": "object", "properties": named, "required": list(named), "additionalProperties": False}


_LAYER = _object(
    digest={**_OPTIONAL_TEXT, "description": "Null where the image was not pushed."},
    size=_COUNT,
    instruction={"type": "string"},
    line={**_OPTIONAL_COUNT, "description": "Line of the Dockerfile; null where it is not known."},
    compared_size={**_OPTIONAL_COUNT, "description": "Bytes of the same layer before; null for a new one."},
    kept={"type": "boolean", "description": "Whether the earlier image has this very layer."},
)
LAYER_REPORT: Json = {
    **_object(
        platform={"type": "string", "description": "The platform whose layers these are."},
        compressed={"type": "boolean", "description": "Whether bytes are those in the registry, else those on the disk."},
        size={**_COUNT, "description": "Bytes of all layers."},
        platform_sizes={
            "type": "object",
            "additionalProperties": _COUNT,
            "description": "Bytes of each platform's layers; empty for an image of one platform.",
        },
        compared_tag={
            **_OPTIONAL_TEXT,
            "description": "Tag of the image compared with: the base branch's for a pull request, else the one replaced.",
        },
        compared_digest=_OPTIONAL_TEXT,
        compared_size=_OPTIONAL_COUNT,
        base={
            **_object(image=_OPTIONAL_TEXT, layers=_COUNT, size=_COUNT, compared_size=_OPTIONAL_COUNT),
            "description": "The base image's layers, together.",
        },
        layers={"type": "array", "items": _LAYER, "description": "The image's own layers, lowest first (at most 60)."},
        removed_size={**_OPTIONAL_COUNT, "description": "Bytes of layers that only the earlier image has."},
        hints={
            "type": "array",
            "items": _object(digest=_OPTIONAL_TEXT, line=_OPTIONAL_COUNT, size=_OPTIONAL_COUNT, text={"type": "string"}),
            "description": "What layers hold that no image needs; `size` is null where the instruction alone says so.",
        },
    ),
    "type": ["object", "null"],
    "description": "The layers of one platform by what made them; null where they cannot be read.",
}
