"""A real cluster on loopback: etcd, kube-apiserver, Argo's workflow-controller, and a node that is played by this suite.

The first three are built from source (`tools/e2e/cluster`). The node (`node.py`) does what a kubelet and Argo's executor do
between them: it runs a pod's main container, tells the API server how it is, serves its log, and writes its outputs down as
a WorkflowTaskResult. Containers run in Docker where a test asks for it, else as processes (`containers.py`), both by the
sandbox's executors; so what is held against the real thing is everything else: the API, authorization, watches, the
controller and what it writes into a workflow's status. `wire.py` is the way to the API server for a test that spoils it.

A test takes it from the fixtures `cluster` or `docker_cluster` (tests/e2e/conftest.py): one cluster for a whole session, on
which each test uses names and GitHub runs of its own. One that stops a part of it has it back before it ends.

Not there: a scheduler (`podSpecPatch` names the node), kube-controller-manager (nothing is collected as garbage), admission
of service accounts, the emissary and the wait container themselves, sidecars, volumes, and an artifact store: artifacts stay
in a directory, under the keys that Argo gives them. `exec` only carries out the controller's `kill`, and answers nothing.
"""
