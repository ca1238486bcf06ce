"""Packages: `GET` of one package, by its owner.

https://docs.github.com/rest/packages/packages: only classic tokens with the scope `read:packages` may ask.
"""

from __future__ import annotations

from mlops_sandbox.github.responses import ApiError, ApiResponse
from mlops_sandbox.github.rest.call import Call, Routes
from mlops_sandbox.github.serializers.repository import package

routes = Routes()
_READS = {"read:packages", "write:packages", "delete:packages"}  # each includes the first


@routes("GET", "/orgs/{org}/packages/{package_type}/{package:path}")
def get_package_of_organization(call: Call) -> ApiResponse:
    """Read a package of an organisation."""
    return _package(call, "Organization", call.params["org"])


@routes("GET", "/users/{username}/packages/{package_type}/{package:path}")
def get_package_of_user(call: Call) -> ApiResponse:
    """Read a package of a person."""
    return _package(call, "User", call.params["username"])


def _package(call: Call, kind: str, login: str) -> ApiResponse:
    token = call.token
    if token is None:
        raise ApiError(401, "Requires authentication")
    if token.scopes is None:
        raise ApiError(403, "Resource not accessible by personal access token")
    if not _READS & set(token.scopes):
        raise ApiError(403, "You need at least read:packages scope to get a package.")
    for item in call.state.packages:
        of_owner = item.owner.login.lower() == login.lower() and item.owner.kind == kind
        is_asked = of_owner and (call.params["package_type"], call.params["package"]) == ("container", item.name)
        if is_asked and item.is_visible_to(token.actor):
            return ApiResponse(200, package(item, call.links))
    raise ApiError(404, "Package not found.")
