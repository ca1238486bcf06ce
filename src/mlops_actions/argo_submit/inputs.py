"""The inputs, outputs and `result` of argo-submit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlops_actions.argo_submit import (
    callback_inputs,
    connection,
    control_inputs,
    input_parsers,
    node_selector,
    object_names,
    source_inputs,
    waiting,
)
from mlops_actions.argo_submit import parameters as parameter_texts
from mlops_actions.argo_submit.result_parts import OUTPUTS, RESULT
from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, input_field, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import (
    base_address,
    boolean,
    choice,
    commit,
    duration,
    integer,
    items,
    matching,
    text,
    verbatim,
)
from mlops_actions.core.section import matrix_values

# A small public image with a shell and curl.
DEFAULT_CALLBACK_IMAGE = "docker.io/curlimages/curl:8.10.1"


@inputs
class Inputs(DeclaredInputs):
    """The inputs of argo-submit, in the order of the documentation."""

    workflow: str | None = input_field(
        verbatim,
        "Path or glob in the workspace, or inline YAML: a Workflow, CronWorkflow (its spec is run) or WorkflowTemplate.",
        legacy=(
            Legacy(
                "workflow_yaml_path",
                note="Under this name the action does not wait for the workflow, adds the commit to its name, and leaves "
                "parameters with a value in the manifest unchanged, unless the parameter file sets them.",
            ),
        ),
    )
    from_: tuple[str, str] | None = input_field(
        input_parsers.template,
        "`workflowtemplate/NAME`, `clusterworkflowtemplate/NAME` or `cronworkflow/NAME` in the cluster: runs this template.",
    )
    attach: str | None = input_field(object_names.read_name, "Name of a running workflow to follow.")
    retry: str | None = input_field(
        object_names.read_name,
        "Name of a failed workflow to restart at its failed nodes, as `argo retry` does, and to follow. Needs "
        "`argo-server`. `parameters` replace those of the workflow. `pull-request`: the newest that failed of those "
        "that this suite submitted for the event's pull request, or for `pr-number`.",
    )
    restart_successful: str | None = input_field(
        node_selector.read,
        "With `retry`: nodes that run again though they succeeded, and with them what follows them, such as "
        "`displayName=evaluate`, as `argo retry --restart-successful --node-field-selector` does.",
    )
    resume: str | None = input_field(
        object_names.read_name,
        "Name of a suspended workflow to continue, as `argo resume` does. `pull-request`: the one workflow of the pull "
        "request that waits.",
    )
    node_field_selector: str | None = input_field(
        node_selector.read,
        "With `resume`: continues only the suspend nodes that this selects, such as `displayName=approve`. Default: all of "
        "them, and the workflow itself.",
    )
    output_parameters: Mapping[str, str] | None = input_field(
        control_inputs.read_output_parameters,
        "With `resume`: values for the output parameters of the suspend node, as `argo node set --output-parameter` gives "
        "them: a mapping or `k=v` lines.",
    )
    node_message: str | None = input_field(
        text, "With `resume`: message of the suspend nodes, such as who approved, as `argo node set --message` sets it."
    )
    stop: str | None = input_field(
        object_names.read_name,
        "Name of a workflow to stop; its exit handlers run. `pull-request`: every workflow that this suite submitted for "
        "the event's pull request, or for `pr-number`, and that still runs.",
    )
    terminate: str | None = input_field(
        object_names.read_name,
        "Name of a workflow to end at once, without its exit handlers. `pull-request`: as for `stop`.",
    )
    of_runs: tuple[str, ...] | None = input_field(
        control_inputs.read_runs,
        "With `retry`, `resume`, `stop` and `terminate`: ids of GitHub's workflow runs, such as chatops' output "
        "`control-runs`. Workflows that other runs have submitted are left alone.",
    )
    only_waiting: bool = input_field(
        boolean,
        "With `stop: pull-request` and `terminate: pull-request`: end only the one workflow that waits at a suspend node.",
        default="false",
    )
    parameters: Mapping[str, str] | None = input_field(
        parameter_texts.parse,
        "YAML or JSON mapping, or `k=v` lines, such as chatops' output `params`. Takes precedence over `parameter-file`.",
    )
    parameter_file: str | None = input_field(
        text,
        "YAML or JSON file in the workspace that holds parameters.",
        legacy=(
            Legacy(
                "parameter_file_path",
                note="Under this name the action adds parameters that the workflow does not declare, as Argo's CLI does.",
            ),
        ),
    )
    unknown_parameters: str = input_field(
        choice("error", "drop"),
        "`error` refuses a parameter that the workflow does not declare, `drop` leaves it out with a warning.",
        default="error",
    )
    strict: bool = input_field(
        boolean,
        "`true` refuses a manifest with a field that Argo does not know, as `argo submit` does; `false` warns.",
        default="true",
    )
    image: str | None = input_field(
        input_parsers.image, "Image, preferably by digest. Sets the parameter `image`, where the workflow declares it."
    )
    sha: str | None = input_field(
        commit,
        "Commit. Sets the parameter `sha`, `github_sha` or `GITHUB-SHA`, where the workflow declares it. "
        "Default: the commit that is checked out, else the PR's head, else `GITHUB_SHA`; a default fills only a parameter "
        "that has no value in the manifest, or an empty one.",
    )
    pr_number: int | None = input_field(
        integer(minimum=1),
        "Pull request. Sets the parameter `pr`, `pr_number` or `PR-NUMBER`, where the workflow declares it. "
        "Default: the event's pull request; for a push, the open pull request of the commit; a default fills only a "
        "parameter that has no value in the manifest, or an empty one.",
    )
    namespace: str | None = input_field(
        object_names.read_namespace, "Namespace, instead of the manifest's. Default: the kubeconfig's."
    )
    name: str | None = input_field(object_names.read_name, "Name of the workflow, instead of the manifest's.")
    generate_name: str | None = input_field(object_names.read_name_base, "Start of the name, instead of the manifest's.")
    labels: Mapping[str, str] | None = input_field(
        object_names.read_labels, "Labels to add to the workflow: a mapping or `k=v` lines."
    )
    annotations: Mapping[str, str] | None = input_field(
        object_names.read_annotations, "Annotations to add to the workflow: a mapping or `k=v` lines."
    )
    service_account: str | None = input_field(
        object_names.read_service_account, "Service account, instead of the manifest's `serviceAccountName`."
    )
    entrypoint: str | None = input_field(text, "Template to start with, instead of the manifest's `entrypoint`.")
    workflow_entrypoint: str | None = input_field(
        text,
        "The same as `entrypoint`, for workflows that also run under `act`, which takes an input `entrypoint` of any "
        "action for the program to start its container with.",
    )
    priority: int | None = input_field(integer(), "Priority, instead of the manifest's.")
    superseded: str = input_field(
        choice("leave", "stop"),
        "`stop` stops what this suite runs for other commits of the pull request than its head, once the workflow is "
        "submitted. With `stop: pull-request` only these are stopped, or all if the pull request is closed.",
        default="leave",
    )
    idempotency: str = input_field(
        choice("run", "sha", "none"),
        "`run`: one workflow per GitHub run and step; a re-run of the job joins it, unless it has failed. "
        "`sha`: one workflow per commit and parameters. `none`: a new workflow every time.",
        default="run",
    )
    kubeconfig: str | None = input_field(
        verbatim,
        "Path, YAML or base64. As a secret: base64 in one line, since GitHub masks every line of a secret by itself. "
        "Default: the variable `KUBECONFIG`, then the service account of the pod.",
        secret=True,
    )
    kube_context: str | None = input_field(text, "Context of the kubeconfig. Default: its current context.")
    gke_cluster: str | None = input_field(
        text, "Name of a GKE cluster, which is used without gcloud.", legacy=("cluster_name",)
    )
    gke_location: str | None = input_field(text, "Region or zone of the GKE cluster.", legacy=("location_zone",))
    gke_project: str | None = input_field(text, "Project of the GKE cluster.", legacy=("project_id",))
    gke_endpoint: str = input_field(
        choice("auto", "public", "private", "dns"), "Endpoint of the GKE cluster to use.", default="auto"
    )
    google_credentials: str | None = input_field(
        verbatim,
        "JSON or base64; as a secret in one line. Default: Application Default Credentials.",
        secret=True,
        legacy=("application_credentials",),
    )
    google_identity_provider: str | None = input_field(connection.google_provider, connection.GOOGLE_PROVIDER_HELP)
    google_service_account: str | None = input_field(
        matching(r"[\w.-]+@[\w.-]+", "the e-mail address of a service account"),
        "Service account to act as, with `google-identity-provider`. Default: the identity itself gets the rights.",
    )
    eks_cluster: str | None = input_field(
        matching(r"[0-9A-Za-z][\w-]{0,99}", "the name of an EKS cluster"),
        "Name of an EKS cluster, which is used without the AWS command line.",
    )
    eks_region: str | None = input_field(
        matching(r"[a-z]{2,}(-[a-z0-9]+)+", "a region of AWS, such as eu-west-1"),
        "Region of the EKS cluster. Default: `AWS_REGION`.",
    )
    aws_role: str | None = input_field(
        matching(r"arn:aws[\w-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", "the ARN of a role"),
        "ARN of a role that trusts the job's identity token, for EKS. Needs `permissions: id-token: write`. "
        "Default: the credentials that configure-aws-credentials left.",
    )
    aks_cluster: str | None = input_field(
        matching(r"[\w-]{1,63}", "the name of an AKS cluster"), "Name of an AKS cluster, which is used without kubelogin."
    )
    aks_resource_group: str | None = input_field(
        matching(r"[\w().-]{1,90}", "the name of a resource group"), "Resource group of the AKS cluster."
    )
    aks_subscription: str | None = input_field(
        matching(r"[\w.-]+", "an id"),
        "Subscription of the AKS cluster.",
        env=("AZURE_SUBSCRIPTION_ID",),
    )
    azure_client_id: str | None = input_field(
        matching(r"[\w.-]+", "an id"),
        "Application or managed identity that trusts the job's identity token, for AKS. Needs "
        "`permissions: id-token: write`.",
        env=("AZURE_CLIENT_ID",),
    )
    azure_tenant_id: str | None = input_field(
        matching(r"[\w.-]+", "a tenant's id or domain"),
        "Tenant of that application.",
        env=("AZURE_TENANT_ID",),
    )
    oidc_audience: str | None = input_field(
        text,
        "Signs in with the job's identity token of this audience, for a cluster whose API server trusts GitHub's issuer. "
        "The kubeconfig names no user then. Needs `permissions: id-token: write`.",
    )
    argo_server: str | None = input_field(
        base_address,
        "Address of the Argo Server, whose API is used instead of Kubernetes', for clusters that expose no other API.",
    )
    argo_token: str | None = input_field(
        input_parsers.token, "Token for the Argo Server, with or without `Bearer` before it. Default: no token.", secret=True
    )
    argo_ca: str | None = input_field(
        input_parsers.authority, "Private certificate authority of the Argo Server: PEM, or its base64."
    )
    argo_url: str | None = input_field(
        base_address,
        "Base address of Argo's user interface, for links, with or without the path `/workflows/NAMESPACE`. "
        "Default: `argo-server`.",
        legacy=(Legacy("argo_url", parse=input_parsers.argo_url),),
    )
    wait: bool | None = input_field(
        boolean,
        "`false` submits the workflow and returns. Default: `true`; `false` with `resume`, `stop` and `terminate`, and with "
        "the legacy input `workflow_yaml_path`.",
    )
    timeout: float = input_field(
        duration, "How long to wait for the workflow's end; after that the step fails with exit code 5.", default="5h30m"
    )
    on_timeout: str = input_field(
        choice("leave", "stop", "terminate"), "What to do with the workflow after the timeout.", default="leave"
    )
    fail_on: Mapping[str, float] | None = input_field(waiting.parse_limits, waiting.LIMITS_HELP)
    on_cancel: str = input_field(
        choice("stop", "terminate", "leave"),
        "What to do with the workflow that this step has submitted when the job is cancelled.",
        default="stop",
    )
    on_cancel_attached: str = input_field(
        choice("leave", "stop", "terminate"),
        "What to do when the job is cancelled with a workflow that this step has not submitted (`attach`, or joined).",
        default="leave",
    )
    logs: str = input_field(choice("all", "failed", "none"), "Which nodes' logs to show, grouped by node.", default="all")
    artifacts: tuple[str, ...] | None = input_field(
        items,
        "Output artifacts to bring into the workspace, by name or as NODE/NAME. Needs `argo-server`.",
    )
    artifacts_dir: str = input_field(
        text, "Folder in the workspace that gets the artifacts, each in a folder of its own.", default="artifacts"
    )
    comment: bool = input_field(
        boolean, "Keep a comment on the PR that shows the running workflow, and then its end.", default="false"
    )
    approve_by: str | None = input_field(
        text,
        "What somebody writes on the pull request to let a workflow go on that waits at a suspend node, such as `/approve`, "
        "where chatops has this among its `controls`. The comment says so while it waits.",
    )
    comment_tag: str = input_field(
        text,
        "Tag of the comment: each tag has its own comment. wandb-runs with the same tag turns it into the report.",
        default="mlops",
    )
    section: str | None = input_field(
        text,
        "Name of this workflow's section, where several jobs, steps or workflows write one comment. The report of "
        "wandb-runs with the same `section` takes its place. Default: workflow, job with its matrix values, and step.",
    )
    matrix: Mapping[str, Any] | None = input_field(
        matrix_values,
        "The matrix values of the job: each leg has its own section of the comment. The runner fills it in.",
        runner_default="${{ toJSON(matrix) }}",
    )
    callback: str | None = input_field(
        choice("repository_dispatch"),
        "`repository_dispatch` adds an exit handler by which the workflow reports its end to the repository, for chatops.",
    )
    callback_secret: str | None = input_field(
        object_names.read_name,
        "Kubernetes secret in the workflow's namespace that holds the callback's token under the key `token`.",
    )
    callback_image: str = input_field(
        input_parsers.image,
        "Image of the exit handler, with `sh` and `curl`, for clusters that accept images only from their own registry.",
        default=DEFAULT_CALLBACK_IMAGE,
    )
    dry_run: bool = input_field(
        boolean, "Validate the workflow here and on the server, say what was checked, and submit nothing.", default="false"
    )
    github_token: str | None = input_field(
        text,
        "Token for the comment, to find the pull request of a commit, and its head for `superseded`.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )

    @property
    def is_legacy(self) -> bool:
        """Whether the workflow was given by the name that gke-argo and actions-argo used."""
        return self.was_given("workflow_yaml_path")

    @property
    def start(self) -> str | None:
        """The template to start with, under either name."""
        return self.workflow_entrypoint or self.entrypoint

    @property
    def adds_parameters(self) -> bool:
        """Whether parameters of the file that the workflow does not declare are added to it."""
        return self.was_given("parameter_file_path") and not self.was_given("unknown-parameters")

    @property
    def waits(self) -> bool:
        """Whether to follow the workflow, which the replaced action did not; a step that resumes or ends one need not."""
        default = not self.is_legacy and not (self.resume or self.stop or self.terminate)
        return self.wait if self.wait is not None else default

    @property
    def controls(self) -> tuple[tuple[str, str | None], ...]:
        """The inputs that name a workflow to do something with."""
        return ("retry", self.retry), ("resume", self.resume), ("stop", self.stop), ("terminate", self.terminate)

    @property
    def ends_pull_request(self) -> bool:
        """Whether to stop or terminate all that runs for the pull request."""
        return control_inputs.PULL_REQUEST in (self.stop, self.terminate) and not self.only_waiting

    def problems(self) -> Iterator[BadInput]:
        """Yield what is wrong with the inputs together."""
        sources = (("workflow", self.workflow), ("from", self.from_), ("attach", self.attach), *self.controls)
        yield from source_inputs.problems(sources)
        yield from source_inputs.problems_of_names(self.name, self.generate_name, self.entrypoint, self.workflow_entrypoint)
        if self.attach:
            yield from source_inputs.problems_of_attach(dry_run=self.dry_run, superseded=self.was_given("superseded"))
        yield from callback_inputs.problems(self.callback, self.callback_secret, self.attach)
        yield from control_inputs.problems(
            self, self.controls, of_pull_request=self.ends_pull_request, only_waiting=self.only_waiting
        )
        if self.artifacts and (not self.waits or self.dry_run):
            yield BadInput(
                "input 'artifacts' has no meaning without waiting for the workflow's end",
                "leave out 'artifacts', or 'wait: false' and 'dry-run'",
            )
        yield from connection.problems(self.was_given)
        yield from connection.problems_of_argo_server(self.argo_server or "", self.argo_token or "")


ACTION = Action(
    name="argo-submit",
    title="MLOps Argo Submit",
    description="Submit an Argo workflow to any Kubernetes cluster and follow it to its end",
    icon="play-circle",
    color="orange",
    inputs=Inputs,
    outputs=OUTPUTS,
    result=RESULT,
)
