"""ChatOps: turn a command in a pull request comment into a decision and typed outputs."""

# The name under which the runner keeps the feedback state for the post stage.
STATE = "feedback"
# The name under which it keeps the pull request whose leftovers the post stage ends (see `leftovers`).
LEFTOVERS = "leftovers"
