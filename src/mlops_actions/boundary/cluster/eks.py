"""Clusters on Amazon's EKS without the AWS command line: a cluster's address, and tokens that are renewed during a wait.

A token is the address of a signed request, GetCallerIdentity, that names the cluster in a signed header; the cluster sends
it to AWS to learn who signed it. AWS accepts the signature for 15 minutes:
https://github.com/kubernetes-sigs/aws-iam-authenticator#how-does-it-work.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from mlops_actions.boundary.cluster.connect import Address, connect_by_token
from mlops_actions.boundary.cluster.logins import AwsLogin
from mlops_actions.boundary.cluster.renewed_token import IssuedToken, Pause, RenewedToken, retried
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport, ErrorTexts
from mlops_actions.boundary.committed import refuse_committed
from mlops_actions.boundary.http import authorities, debug_request, one_line
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log

T = TypeVar("T")

AUDIENCE = "sts.amazonaws.com"
TEXTS = ErrorTexts(
    address="'eks-cluster' and whether its endpoint is public",
    trust="try again",
    credentials="give the role access to the cluster (`aws eks create-access-entry`); where a wait is longer than the "
    "role's session, give 'aws-role', which signs in anew",
)
_PREFIX = "k8s-aws-v1."
_CLUSTER_HEADER = "x-k8s-aws-id"
_EXPIRES = 60  # the authenticator takes 0 to 900 and AWS ignores it; every client sends 60
_LIFETIME = 900.0
_SECONDS = 20
_LOGIN = (
    "give 'aws-role' (with `permissions: id-token: write`), or add aws-actions/configure-aws-credentials before this step"
)
# Botocore asks the metadata service of an instance too; a container is one hop further away than the instance.
_NO_LOGIN = (
    f"{_LOGIN}; on a machine of EC2 with a role, let containers ask for its credentials: "
    "`aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2`"
)
_LIMITS = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_UNKNOWN_CREDENTIALS = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature",
})  # fmt: skip
_FEDERATION = frozenset({"InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError"})


class Aws:
    """Signs requests with the job's credentials for AWS; raises BadInput.

    `role` is assumed with the job's identity token; without it the environment's credentials count.
    """

    def __init__(self, login: AwsLogin, role: str, environ: Mapping[str, str], log: Log, identity: JobIdentity) -> None:
        self._login = login
        self._environ = environ
        self._log = log
        self._session = _checked("AWS", partial(self._new_session, role, identity))
        self._clients: dict[str, Any] = {}

    def token(self) -> IssuedToken:
        """Return a token for the cluster; raises BadInput, Refused, Unavailable."""
        return _checked("AWS STS", self._sign)

    def describe(self) -> Address:
        """Ask AWS where the cluster is; raises BadInput, Refused, Unavailable."""
        name = self._login.cluster
        answer = _checked("AWS EKS", lambda: self._own("eks").describe_cluster(name=name), self._login)
        call = f"DescribeCluster of '{name}'"
        try:
            cluster = answer["cluster"]
            status, url = cluster.get("status"), cluster.get("endpoint") or ""
            if not url and status in ("CREATING", "DELETING", "FAILED", "PENDING"):
                raise BadInput(f"the EKS cluster '{name}' cannot be used: it is {status}", "wait, or name another cluster")
            authority = base64.b64decode(cluster["certificateAuthority"]["data"], validate=True).decode("ascii")
        except (LookupError, TypeError, AttributeError, ValueError, binascii.Error):
            url = authority = ""
        if not re.fullmatch(r"https://[\w.:\[\]-]+/?", url) or "-----BEGIN CERTIFICATE-----" not in authority:
            raise Unavailable(f"what answers {call} is not AWS: it sent no description of a cluster", "check the proxy")
        return Address(url, authority)

    def _new_session(self, role: str, identity: JobIdentity) -> Any:
        from botocore import credentials, session

        login, base = self._login, self._configured(session.Session(profile=self._login.profile or None))
        # They may name other addresses of AWS, and roles.
        files = [Path(base.get_config_variable(name)).expanduser() for name in ("config_file", "credentials_file")]
        refuse_committed(
            [file for file in files if file.is_file()], self._environ, what="AWS's settings are in the file", remedy=_LOGIN
        )
        create = partial(self._client, session=base)
        if role:
            fetch = credentials.AssumeRoleWithWebIdentityCredentialFetcher(
                create, partial(identity.token, AUDIENCE), role, {"RoleSessionName": self._session_name()}
            ).fetch_credentials
            source = credentials.DeferredRefreshableCredentials(fetch, "assume-role-with-web-identity")
        elif login.keys:
            source = credentials.Credentials(*login.keys[:2], login.keys[2] or None)
        else:
            _refuse_programs(base)
            source = base.get_credentials()
            if source is None:
                raise BadInput("there are no credentials for AWS", _NO_LOGIN)
        if login.role:
            more = {"RoleSessionName": login.session_name or self._session_name()}
            more |= {"ExternalId": login.external_id} if login.external_id else {}
            fetch = credentials.AssumeRoleCredentialFetcher(create, source, login.role, more).fetch_credentials
            source = credentials.DeferredRefreshableCredentials(fetch, "assume-role")
        made = self._configured(session.Session(profile=login.profile or None))
        made.register_component("credential_provider", credentials.CredentialResolver([_Given(source)]))
        return made

    def _configured(self, session: Any) -> Any:
        from botocore.config import Config

        session.register_component("data_loader", _loader())
        session.set_config_variable("sts_regional_endpoints", "regional")
        # botocore itself reads AWS_DEFAULT_REGION alone; the other AWS libraries read AWS_REGION first.
        region = self._login.region or self._environ.get("AWS_REGION")
        if region:
            session.set_config_variable("region", region)
        once = {"total_max_attempts": 1}  # `retried` and the requests to the cluster repeat what failed
        session.set_default_client_config(Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries=once))
        return session

    def _session_name(self) -> str:
        run = re.sub(r"\W", "", self._environ.get("GITHUB_RUN_ID", ""))
        return f"mlops-actions-{run}"[:64].rstrip("-")

    def _own(self, service: str) -> Any:
        """Return the client that signs with the session's credentials."""
        if service not in self._clients:
            self._clients[service] = self._client(service, session=self._session)
        return self._clients[service]

    def _client(self, service: str, *, session: Any, **options: Any) -> Any:
        verify = self._environ.get("AWS_CA_BUNDLE") or authorities(self._environ) or None
        client = session.create_client(service, verify=verify, **options)
        began = time.monotonic()

        def log(operation_model: Any, response_dict: Any, **_: Any) -> None:
            debug_request(
                self._log, operation_model.name, client.meta.endpoint_url, str(response_dict.get("status_code")), began
            )

        client.meta.events.register("before-parse", log)
        return client

    def _sign(self) -> IssuedToken:
        frozen = self._session.get_credentials().get_frozen_credentials()
        for secret in (frozen.secret_key, frozen.token):
            if secret:
                self._log.mask(secret)
        client = self._own("sts")
        client.meta.events.register_first("before-sign.sts.GetCallerIdentity", self._name_cluster, unique_id=_CLUSTER_HEADER)
        url = client.generate_presigned_url("get_caller_identity", ExpiresIn=_EXPIRES, HttpMethod="GET")
        return IssuedToken(_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="), _LIFETIME)

    def _name_cluster(self, request: Any, **_: Any) -> None:
        request.headers[_CLUSTER_HEADER] = self._login.cluster


@cache
def _loader() -> Any:
    """Return the reader of botocore's data, whose parsed files all sessions share."""
    from botocore.loaders import create_loader

    return create_loader()


class _Given:
    """A provider of botocore's chain that holds credentials."""

    METHOD = CANONICAL_NAME = "mlops-actions"

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials


def connect(login: AwsLogin, role: str, environ: Mapping[str, str], log: Log, pause: Pause) -> tuple[ClusterTransport, str]:
    """Connect to the cluster, and return its default namespace too; raises BadInput, Refused, Unavailable."""
    address, token = find(login, role, environ, log, pause)
    try:
        return connect_by_token(address, token.credentials, environ, log, pause, TEXTS), "default"
    except (OSError, ValueError):
        raise Unavailable("what AWS says is the cluster's certificate authority is none", "try again") from None


def find(login: AwsLogin, role: str, environ: Mapping[str, str], log: Log, pause: Pause) -> tuple[Address, RenewedToken]:
    """Ask AWS where the cluster is; return the token too. Raises BadInput, Refused, Unavailable."""
    aws = Aws(login, role, environ, log, JobIdentity(environ, log, pause))
    token = _token(aws, log, pause)
    return retried(aws.describe, pause), token


def log_in(login: AwsLogin, role: str, environ: Mapping[str, str], log: Log, pause: Pause) -> ClusterCredentials:
    """Return the credentials for a cluster whose address is known already; raises BadInput, Refused, Unavailable."""
    return _token(Aws(login, role, environ, log, JobIdentity(environ, log, pause)), log, pause).credentials


def _token(aws: Aws, log: Log, pause: Pause) -> RenewedToken:
    token = RenewedToken(aws.token, log)
    retried(token, pause)
    return token


def _refuse_programs(session: Any) -> None:
    """Raise BadInput where the profile, or one that it refers to, has a program make its credentials."""
    environment_counts = session.instance_variables().get("profile") is None and os.environ.get("AWS_ACCESS_KEY_ID")
    profiles = session.full_config.get("profiles") or {}
    name, seen = str(session.get_config_variable("profile") or "default"), set[str]()
    while not environment_counts and name in profiles and name not in seen:
        seen.add(name)
        if "credential_process" in profiles[name]:
            raise BadInput(
                f"the AWS profile '{name}' would have a program run (credential_process), which this action refuses", _LOGIN
            )
        name = str(profiles[name].get("source_profile") or "")


def _checked(service: str, call: Callable[[], T], login: AwsLogin | None = None) -> T:
    """Return what `call` returns; raises ActionError for whatever botocore raises."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    try:
        return call()
    except ActionError:
        raise
    except exceptions.ClientError as error:
        raise _refusal(service, error, login) from None
    except (exceptions.NoRegionError, exceptions.InvalidRegionError) as error:
        raise BadInput(f"AWS needs a region: {one_line(str(error))}", "give 'eks-region', such as eu-west-1") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise Unavailable(
            f"{service} cannot be reached: {one_line(str(error))}",
            "check the region, and the network and proxy of this runner",
        ) from None
    except exceptions.ParamValidationError as error:
        raise BadInput(
            f"AWS's library refuses an input: {one_line(str(error))}", "check 'eks-cluster' and 'aws-role'"
        ) from None
    except (
        exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound,
        exceptions.CredentialRetrievalError, exceptions.ConfigParseError, exceptions.ConfigNotFound,
        exceptions.InvalidConfigError, exceptions.UnknownServiceError,
    ) as error:  # fmt: skip
        raise BadInput(f"there are no usable credentials for AWS: {one_line(str(error))}", _LOGIN) from None
    except (
        exceptions.BotoCoreError, ResponseParserError, LookupError, TypeError, AttributeError, ValueError, OSError,
        RecursionError,
    ):  # fmt: skip
        # botocore does not check what it reads.
        raise Unavailable(f"what answers as {service} is not AWS: its answer makes no sense", "check the proxy") from None


def _refusal(service: str, error: Any, login: AwsLogin | None) -> ActionError:
    details = error.response.get("Error") or {}
    code, message = str(details.get("Code") or ""), one_line(str(details.get("Message") or ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    said = f"{service} answered {status} {code}: {message}"
    if status >= 500 or status == 429 or code in _LIMITS:
        return Unavailable(said, "run the job again")
    if code == "ResourceNotFoundException" and login is not None:
        where = f"the region {login.region}" if login.region else "this region"
        return Refused(f"AWS knows no EKS cluster '{login.cluster}' in {where}", "check 'eks-cluster' and 'eks-region'")
    if code in _FEDERATION:
        return Refused(
            said,
            "add GitHub's identity provider to the account (token.actions.githubusercontent.com, audience "
            f"{AUDIENCE}), and let the role trust it",
        )
    if code in _UNKNOWN_CREDENTIALS:
        return Refused(said, f"the credentials for AWS have expired or are wrong: {_LOGIN}")
    if error.operation_name == "AssumeRoleWithWebIdentity":
        return Refused(said, "check 'aws-role', and that its trust policy names this repository, branch or environment")
    if error.operation_name == "AssumeRole":
        return Refused(said, "let the role that the kubeconfig names trust the credentials of this job")
    if error.operation_name == "DescribeCluster":
        return Refused(said, "grant the role the permission eks:DescribeCluster, or give a kubeconfig instead")
    return Refused(said, _LOGIN)
