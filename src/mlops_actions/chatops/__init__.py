"""ChatOps: turn a command in a pull request comment into a decision and typed outputs."""

# The name under which the runner keeps the feedback state for the post stage.
STATE = "feedback"
