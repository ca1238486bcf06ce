"""Stand-ins for GitHub, a registry, a cluster and W&B on loopback, and a runner; for the demo and the tests.

The product imports this package only where the commands `demo` and `sandbox` start it, and no image holds it. It imports
one module of the product: `mlops_actions.core.types`, so that the repository has one alias for JSON objects. The runner
runs the product's actions as processes, as GitHub's runner does.
"""
