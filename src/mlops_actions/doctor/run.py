"""Ask all groups side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import chain

from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError, Unavailable
from mlops_actions.doctor import argo_server, cluster, cluster_inputs, github, machine, names, network, registry, tracker
from mlops_actions.doctor.checks import GROUPS, Checker, HealthCheck, Status, for_a_person, without_secrets
from mlops_actions.doctor.expressions import ALL_VARIABLES, EXPRESSION, terms
from mlops_actions.doctor.manifest import ArgoManifest
from mlops_actions.doctor.ports import ClusterTarget, Endpoint, GitHubApi, Ports
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

# Which cluster it is; the credentials are the caller's own.
_TARGET_INPUTS = {field.name.replace("_", "-"): field.name for field in fields(ClusterTarget)}
# These must be known before it can be asked; a certificate authority is a secret, or the system's.
_CLUSTER_INPUTS = ("namespace", *(name for name in _TARGET_INPUTS if name != "argo-ca"))
Progress = Callable[[str, Sequence[HealthCheck]], None]


@dataclass(frozen=True)
class Diagnosis:
    """All checks, in the order of the groups."""

    checks: tuple[HealthCheck, ...]

    @property
    def exit_code(self) -> int:
        """1 if a check fails, else 0."""
        return int(any(check.status is Status.FAILS for check in self.checks))


def run(scope: Scope, ports: Ports, groups: Sequence[str], secrets: Sequence[str], progress: Progress) -> Diagnosis:
    """Ask the groups, and call `progress` as soon as one has answered."""
    routes = network.NOT_ASKED
    if "runner" in groups:
        routes = network.check([("github", lambda: ports.github().endpoint)], ports.runner())
    if "github" not in routes.unreachable:
        scope = _with_variables(scope, ports)
    if "runner" in groups:
        routes += network.check(_systems(scope, ports), ports.runner())
    asks: Mapping[str, Callable[[], Iterator[HealthCheck]]] = {
        "github": lambda: github.check(scope, ports.github(), ports.github_app),
        "registry": lambda: registry.check(
            scope,
            ports.registry,
            _github(ports, routes),
            pulls_with_secret=_pulls_with_secret(scope),
            cloud_token=ports.cloud_token,
        ),
        "cluster": lambda: _once(_cluster(scope, ports)),
        "wandb": lambda: _tracker(scope, ports),
        "runner": lambda: chain(routes.checks, machine.check(scope, ports.runner(), _github(ports, routes))),
    }
    calls = {group: partial(_collect, scope, group, asks[group], secrets, routes) for group in GROUPS if group in groups}

    def done(group: str, checks: Sequence[HealthCheck] | ActionError) -> None:
        if not isinstance(checks, ActionError):
            progress(group, checks)

    results = gather(calls, done)
    found = [results[group] for group in calls]
    return Diagnosis(tuple(check for checks in found if not isinstance(checks, ActionError) for check in checks))


def _collect(
    scope: Scope, group: str, ask: Callable[[], Iterator[HealthCheck]], secrets: Sequence[str], routes: network.Routes
) -> list[HealthCheck]:
    """Return the checks of a group; where the system stops answering, those made so far and why."""
    if left_out := routes.left_out(group):
        return [left_out]
    checks: list[HealthCheck] = []
    try:
        checks.extend(without_secrets(check, secrets) for check in ask())
    except ActionError as error:
        failure = Checker(group).fails("connection", "connect", error.cause, remedy=error.remedy)
        checks.append(without_secrets(failure, secrets))
    except Exception as error:  # noqa: BLE001 - one group must not hide the others
        text = f"unexpected {type(error).__name__}: {error}"
        remedy = "report this defect of doctor, or of a server that answers in another form"
        checks.append(without_secrets(Checker(group).fails("answers", "read the answers", text, remedy=remedy), secrets))
    return checks if scope.is_job else [for_a_person(check) for check in checks]


def _systems(scope: Scope, ports: Ports) -> Iterator[tuple[str, Callable[[], Endpoint]]]:
    """Yield the group of each system besides GitHub that the workflow file needs, and what tells the system's address."""
    images = (registry.image_of(step, scope) for step in scope.workflow.steps("docker-publish"))
    for host in dict.fromkeys(image.host for image in images if image):
        yield "registry", partial(lambda host: Endpoint(url=ports.registry(host, False).address), host)
    targets = (_target(scope, step) for step in scope.workflow.steps("argo-submit") if not _unknown_inputs(scope, step))
    for target in dict.fromkeys(target for target in targets if scope.is_job or not target.needs_identity):
        yield "cluster", partial(lambda target: ports.cluster(target).endpoint, target)
    steps = scope.workflow.steps("wandb-runs")
    for url in dict.fromkeys(scope.value(step, "base-url") for step in steps if step.is_known("base-url", scope.context)):
        yield "wandb", partial(lambda url: ports.tracker(url).endpoint, url)


def _with_variables(scope: Scope, ports: Ports) -> Scope:
    """Add the repository's variables to the context, unless it holds them; what cannot be read stays unknown."""
    if ALL_VARIABLES in scope.context:
        return scope
    try:
        variables = names.variables(scope.repository, ports.github())
    except ActionError:
        return scope  # the group GitHub says why
    if variables is None:
        return scope
    named = {f"vars.{name}": value for name, value in variables.items()}
    return replace(scope, context={**scope.context, **named, ALL_VARIABLES: "known"})


def _github(ports: Ports, routes: network.Routes) -> Callable[[], GitHubApi]:
    """Return what connects another group to GitHub; it raises Unavailable where GitHub is known not to answer."""

    def connect() -> GitHubApi:
        if left_out := routes.left_out("github"):
            raise Unavailable(left_out.answer, "")
        return ports.github()

    return connect


def _pulls_with_secret(scope: Scope) -> bool:
    manifests = [
        manifest for step in scope.workflow.steps("argo-submit") for manifest in cluster.manifest_of(scope, step).values()
    ]
    return any(isinstance(manifest, ArgoManifest) and manifest.pull_secrets for manifest in manifests)


def _once(checks: Iterable[HealthCheck]) -> Iterator[HealthCheck]:
    """Yield each check once: several steps use the same cluster."""
    seen: set[HealthCheck] = set()
    for check in checks:
        if check not in seen:
            seen.add(check)
            yield check


def _cluster(scope: Scope, ports: Ports) -> Iterator[HealthCheck]:
    steps = scope.workflow.steps("argo-submit")
    if not steps:
        yield Checker("cluster").skipped("cluster", "the workflow file submits no workflow")
    for step in (_in_usual_namespace(scope, step) for step in steps):
        if unknown := _unknown_inputs(scope, step):
            asked = f"the input {unknown[0]!r}"
            remedy = scope.gh("variable list")
            yield Checker("cluster").unknown("cluster", asked, "only a job can evaluate it", remedy=remedy)
            continue
        target = _target(scope, step)
        yield from cluster_inputs.check(scope, step)
        if target.needs_identity and not scope.is_job:
            remedy = "run doctor in a job: mlops-actions init writes mlops-doctor.yml"
            yield Checker("cluster").unknown("cluster", "sign in", "only a job has an identity token", remedy=remedy)
            continue
        checks = argo_server.check if target.argo_server else cluster.check
        yield from checks(scope, step, ports.cluster(target))


def _in_usual_namespace(scope: Scope, step: ActionStep) -> ActionStep:
    """Return the step with the namespace that it uses where no comment names another: `needs.x || vars.NAMESPACE`."""
    expression = EXPRESSION.fullmatch(step.inputs.get("namespace", "").strip())
    if expression is None or step.is_known("namespace", scope.context):
        return step
    others = [term for term in terms(expression[1]) if not term.startswith("needs.")]
    return replace(step, inputs={**step.inputs, "namespace": f"${{{{ {' || '.join(others)} }}}}"}) if others else step


def _unknown_inputs(scope: Scope, step: ActionStep) -> list[str]:
    return [name for name in _CLUSTER_INPUTS if not step.is_known(name, scope.context)]


def _target(scope: Scope, step: ActionStep) -> ClusterTarget:
    given = {field: scope.value(step, name) for name, field in _TARGET_INPUTS.items()}
    return ClusterTarget(**{field: value for field, value in given.items() if value})


def _tracker(scope: Scope, ports: Ports) -> Iterator[HealthCheck]:
    steps = scope.workflow.steps("wandb-runs")
    if not steps:
        yield Checker("wandb").skipped("project", "the workflow file reports no runs")
    for step in steps:
        if step.is_known("base-url", scope.context):
            yield from tracker.check(scope, step, ports.tracker(scope.value(step, "base-url")))
        else:
            remedy = scope.gh("variable list")
            yield Checker("wandb").unknown("server", "the input 'base-url'", "only a job can evaluate it", remedy=remedy)
