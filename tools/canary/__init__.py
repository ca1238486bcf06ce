"""The canary: it asks GitHub itself whether the assumptions hold that the suite and its sandbox rest on.

`.github/workflows/canary.yml` runs the commands of `__main__.py`, each in a job with the permissions that the question is
about. The standard library is enough, so that a job installs nothing.
"""
