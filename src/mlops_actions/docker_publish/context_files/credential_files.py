"""Recognise files that hold a login, by name and content together, so that examples and templates raise no alarm. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FOLDERS = "(?:.*/)?"
HEAD_BYTES = 64 << 10  # of a file, enough for every form below


@dataclass(frozen=True)
class _Form:
    """A form of credentials: what it is, the end of its path (lower case), and what its content must hold."""

    title: str
    path: re.Pattern[str]
    content: re.Pattern[bytes]
    may_be_example: bool = False


def _form(title: str, path: str, content: str, *, may_be_example: bool = False) -> _Form:
    return _Form(title, re.compile(f"{_FOLDERS}(?:{path})"), re.compile(content.encode(), re.IGNORECASE), may_be_example)


# Keys that tests bring along are no secrets.
_EXAMPLES = re.compile(r"(?:^|/)(?:tests?|testing|testdata|test[-_]data|fixtures?|examples?|samples?|docs?)(?:/|$)")
_LOGIN_IN_ADDRESS = r"://[^/\s:@${]+:[^/\s@${]+@"
# Forms of tokens: docs.github.com (token formats), huggingface.co, docs.aws.amazon.com (access key ids), docs.gitlab.com,
# docs.wandb.ai (an API key has 40 digits).
_TOKENS = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40}|hf_[A-Za-z0-9]{30}|AKIA[0-9A-Z]{16}|glpat-[\w-]{20}"
    r"|WANDB_API_KEY\s*=\s*[\"']?[0-9a-f]{40})"
)
_PRIVATE_KEY = r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
_FORMS = (
    _form("the credentials file of google-github-actions/auth", r"gha-creds-[0-9a-f]{16}\.json", r'"type"\s*:'),
    _form("Google credentials", r"application_default_credentials\.json", r'"(?:refresh_token|private_key)"'),
    _form("a Google service account's key", r"[^/]+\.json", r'"private_key"\s*:\s*"' + _PRIVATE_KEY),
    _form("AWS credentials", r"\.aws/credentials", r"aws_secret_access_key\s*=\s*\S"),
    _form("a netrc file", r"[._]netrc", r"\bpassword\s+\S"),
    _form("git's stored logins", r"\.git-credentials", _LOGIN_IN_ADDRESS),
    _form(
        "a Docker login",
        r"\.docker/config\.json|\.dockerconfigjson|\.dockercfg",
        r'"(?:auth|identitytoken|registrytoken)"\s*:\s*"[^"]',
    ),
    _form(
        "a kubeconfig",
        r"\.kube/config|kubeconfig(?:\.ya?ml)?|[^/]+\.kubeconfig",
        r"\b(?:client-key-data|token|password)\"?\s*:\s*\"?[^\s\"]",
    ),
    _form("a PyPI login", r"\.pypirc", r"\bpassword\s*[=:]\s*\S"),
    _form("a login of a package index", r"pip\.conf|uv\.toml", _LOGIN_IN_ADDRESS),
    _form("an npm login", r"\.npmrc", r"_(?:authToken|password|auth)\s*=\s*[\"']?[^\s\"'$]"),
    _form("an SSH key", r"id_(?:rsa|dsa|ecdsa|ed25519)", _PRIVATE_KEY),
    _form("a private key", r"[^/]+\.(?:pem|key)", _PRIVATE_KEY, may_be_example=True),
    _form("a Kaggle login", r"kaggle\.json", r'"key"\s*:\s*"[0-9a-f]{32}"'),
    _form("a Hugging Face token", r"\.?huggingface/token", r"\bhf_[A-Za-z0-9]{10}"),
    _form("a token in an env file", r"\.env(?:\.[\w-]+)?|[^/]+\.env", _TOKENS),
)

# At once, since it is asked about every file.
_CANDIDATE = re.compile(_FOLDERS + f"(?:{'|'.join(form.path.pattern.removeprefix(_FOLDERS) for form in _FORMS)})")


def is_candidate(path: str) -> bool:
    """Tell by its path whether a file is worth reading."""
    return _CANDIDATE.fullmatch(path.lower()) is not None


def form_of(path: str, head: bytes) -> str:
    """Name the form of credentials that a file holds, by its path and first bytes; empty for none."""
    lower = path.lower()
    for form in _FORMS:
        if form.path.fullmatch(lower) and form.content.search(head):
            return "" if form.may_be_example and _EXAMPLES.search(lower) else form.title
    return ""


def has_git_login(config: bytes) -> bool:
    """Tell whether a git configuration holds a login: actions/checkout writes one as a header, others into the address."""
    return (
        re.search(
            rb"^[ \t]*extraheader\s*=\s*\"?authorization:|^[ \t]*(?:push)?url\s*=\s*\"?https?://[^/\s:@]+:[^/\s@]+@"
            rb"|^[ \t]*(?:push)?url\s*=\s*\"?https?://(?:gh[pousr]_|github_pat_|glpat-)[\w-]+@",
            config,
            re.IGNORECASE | re.MULTILINE,
        )
        is not None
    )
