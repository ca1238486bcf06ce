"""Refusals in Kubernetes' form: an HTTP status and a `Status` object with a machine-readable reason."""

from __future__ import annotations

from mlops_actions.core.types import Json

OBJECT_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class ApiError(Exception):
    """A refusal of the API server: `code` is the HTTP status, `reason` the machine-readable one."""

    def __init__(self, code: int, reason: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.headers = headers or {}

    def status(self) -> Json:
        """Return the `Status` object of a response's body or of a watch's ERROR event."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


def bad_request(message: str) -> ApiError:
    """Return 400: the request is malformed."""
    return ApiError(400, "BadRequest", message)


def denied_by_webhook(message: str) -> ApiError:
    """Return 400: a validating webhook denies the object, and names no code of its own.

    https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/errors/statuserror.go
    """
    return ApiError(400, "BadRequest", f'admission webhook "policy.example" denied the request: {message}')


def unauthorized() -> ApiError:
    """Return 401: the token is unknown (a missing token is the user system:anonymous instead)."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def no_such_path() -> ApiError:
    """Return 404 for a path that names no resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def not_found(resource: str, name: str) -> ApiError:
    """Return 404 for an object; `resource` is qualified, as `workflows.argoproj.io`."""
    return ApiError(404, "NotFound", f'{resource} "{name}" not found')


def method_not_allowed() -> ApiError:
    """Return 405: the resource does not serve this verb."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def not_acceptable() -> ApiError:
    """Return 406: none of the representations in `Accept` is served."""
    return ApiError(406, "NotAcceptable", "only the following media types are accepted: application/json")


def already_exists(resource: str, name: str) -> ApiError:
    """Return 409 on create."""
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists')


def conflict(resource: str, name: str, problem: str = OBJECT_MODIFIED) -> ApiError:
    """Return 409 on update: the caller's resourceVersion or uid is not the object's."""
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": {problem}')


def expired(message: str) -> ApiError:
    """Return 410: a resourceVersion or a continue token is older than the history."""
    return ApiError(410, "Expired", message)


def unsupported_media_type(supported: str) -> ApiError:
    """Return 415: the resource does not accept the format of the body or patch."""
    return ApiError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {supported}",
    )


def invalid(kind: str, group: str, name: str, problem: str) -> ApiError:
    """Return 422: the object fails validation."""
    qualified = f"{kind}.{group}" if group else kind
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {problem}')
