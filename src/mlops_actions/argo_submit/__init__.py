"""argo-submit: run a workflow on any Kubernetes cluster and follow it to its end."""
