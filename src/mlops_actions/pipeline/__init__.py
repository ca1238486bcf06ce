"""The four actions as one pipeline: the root `action.yml` and the reusable workflow, rendered from templates."""
