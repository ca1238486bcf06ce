"""Responses of the REST API, and its refusals in GitHub's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.types import Json

DOCUMENTATION_URL = "https://docs.github.com/rest"


@dataclass
class ApiResponse:
    """A response; `body` None is an empty one, text goes out as HTML."""

    status: int
    body: Json | list[Json] | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """A refusal: `message`, `documentation_url`, `status`, and `errors` of a 422."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Iterable[Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        documentation_url: str = DOCUMENTATION_URL,
    ) -> None:
        super().__init__(message)
        body: Json = {"message": message, "documentation_url": documentation_url, "status": str(status)}
        if errors is not None:
            body["errors"] = list(errors)
        self.response = ApiResponse(status, body, dict(headers or {}))


def not_found() -> ApiError:
    """Return the 404 that a client also gets for a repository its token does not reach."""
    return ApiError(404, "Not Found")


def validation_failed(resource: str, name: str, code: str = "invalid", **details: Any) -> ApiError:
    """Return the 422 that names the field, as most of GitHub's validations do."""
    return ApiError(422, "Validation Failed", [{"resource": resource, "field": name, "code": code, **details}])


def invalid_request(reason: str) -> ApiError:
    """Return the 422 for a body that is invalid as a whole."""
    return ApiError(422, f"Invalid request.\n\n{reason}")
