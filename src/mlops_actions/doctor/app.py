"""The checks of the GitHub App that chatops acts as: it exists, it is installed, and it has each permission."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urljoin

from mlops_actions.core.errors import ActionError
from mlops_actions.doctor import code_owners, step_rights
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.step_rights import LEVELS
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("github")
Connect = Callable[[str, str], GitHubApi]  # by the App's id and its private key


def check(scope: Scope, connect: Connect, root: str, owners_are_teams: Callable[[], bool]) -> Iterator[HealthCheck]:
    """Ask as each App that a step of chatops names; `owners_are_teams` tells whether code owners are teams."""
    for step in scope.workflow.steps("chatops"):
        if scope.given(step, "app-id") is False:
            continue
        app_id = scope.value(step, "app-id")
        key = scope.value(step, "app-private-key") or scope.app_key
        if not app_id:
            yield _CHECK.unknown("App", "the input 'app-id'", "only a job can evaluate it")
        elif not key:
            yield _CHECK.skipped("App", "give its private key by --app-key FILE, or run doctor as a job")
        else:
            needed = step_rights.of_app(step, scope)
            if scope.given(step, code_owners.INPUT) and owners_are_teams():
                needed = {**needed, "members": "read"}
            yield from _app(scope, step, connect, needed, app_id=app_id, key=key, root=root)


def _app(
    scope: Scope, step: ActionStep, connect: Connect, needed: Mapping[str, str], *, app_id: str, key: str, root: str
) -> Iterator[HealthCheck]:
    try:
        api = connect(app_id, key)
    except ActionError as error:
        remedy = (scope.renewal(step, "app-private-key", "mlops-actions doctor --app-key FILE"), error.remedy)
        yield _CHECK.fails("App", "sign with the private key", error.cause, remedy=remedy)
        return
    answer = api.get("/app")
    if answer.status != 200:
        yield _CHECK.fails(
            "App",
            "GET /app",
            f"{answer.message}: there is no App {app_id}, or the private key is not its own",
            remedy=f"set 'app-id' and 'app-private-key' of job '{step.job}' to those of one App",
        )
        return
    slug, owner = str(answer.body.get("slug") or ""), answer.body.get("owner") or {}
    yield _CHECK.ok("App", "GET /app", f"{answer.body.get('name')} ({slug})")
    page = str(answer.body.get("html_url") or f"https://{scope.host}/apps/{slug}")
    settings = f"{urljoin(page, '/')}{_account(owner)}settings/apps/{slug}/permissions"
    yield from _installation(scope, needed, api.get(f"{root}/installation"), page=page, settings=settings, root=root)


def _account(owner: object) -> str:
    is_organisation = isinstance(owner, dict) and owner.get("type") == "Organization"
    return f"organizations/{owner.get('login')}/" if is_organisation and isinstance(owner, dict) else ""


def _installation(
    scope: Scope, needed: Mapping[str, str], answer: ApiAnswer, *, page: str, settings: str, root: str
) -> Iterator[HealthCheck]:
    asked = f"GET {root}/installation"
    if answer.status == 404:
        remedy = f"open {page}/installations/new and choose {scope.repository}"
        yield _CHECK.fails("App installation", asked, f"the App is not installed on {scope.repository}", remedy=remedy)
        return
    if answer.status != 200:
        yield _CHECK.unknown("App installation", asked, answer.message)
        return
    if answer.body.get("suspended_at"):
        remedy = f"open {answer.body.get('html_url')} and choose Unsuspend"
        yield _CHECK.fails("App installation", asked, f"suspended since {answer.body['suspended_at']}", remedy=remedy)
        return
    yield _CHECK.ok("App installation", asked, f"the App is installed on {scope.repository}")
    granted = answer.body.get("permissions") or {}
    for name, level in needed.items():
        has = str(granted.get(name, "none"))
        if has in LEVELS and LEVELS.index(has) >= LEVELS.index(level):
            yield _CHECK.ok(f"App permission {name}", asked, has)
        else:
            yield _CHECK.fails(
                f"App permission {name}",
                asked,
                f"the App needs {name}: {level}, and has {has}",
                remedy=f"open {settings}, grant {name}: {level}, and accept it for the installation",
            )
