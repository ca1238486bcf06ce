"""argo-submit: a workflow on any Kubernetes cluster, followed to its end."""
