"""Commands that other bots own: chatops takes none of them for a mistyped command of its own.

A declared command of the same name is still a command.
"""

from __future__ import annotations

from collections.abc import Mapping

# By the page that lists them.
_NAMES_BY_SOURCE: Mapping[str, str] = {
    # Prow, the bot of Kubernetes and OpenShift
    "https://prow.k8s.io/command-help": (
        "approve area assign auto-cc bark cc cherrypick close committee hold honk joke kind label lgtm lifecycle lint meow "
        "milestone ok-to-test override pipeline pony priority reopen remove-approve remove-hold remove-label remove-lgtm "
        "retest retest-required retitle shrug sig skip stage test transfer triage unassign uncc unhold woof wip"
    ),
    # Pipelines-as-Code of Tekton and OpenShift
    "https://pipelinesascode.com/docs/guide/gitops_commands/": "cancel ok-to-test retest test",
    # Skara, the bot of OpenJDK
    "https://wiki.openjdk.org/display/SKARA/Pull+Request+Commands": (
        "backport clean contributor cc csr integrate issue jep label open reviewer reviewers solves sponsor summary touch"
    ),
    # A webhook server for pull requests
    "https://myk-org.github.io/github-webhook-server/issue-comment-commands.html": (
        "assign-reviewers automerge cherry-pick hold retest verified wip"
    ),
    # Azure Pipelines
    "https://learn.microsoft.com/azure/devops/pipelines/repos/github": "azp azurepipelines",
    # Actions that rebase, merge or take out of service, without a common list
    "https://github.com/marketplace?type=actions": "autosquash drain fast-forward land merge rebase squash",
}
COMMANDS = frozenset(name for names in _NAMES_BY_SOURCE.values() for name in names.split())
