"""A comment on a pull request becomes a decision and a set of variables."""

# The name under which the runner keeps, for the post stage, what was begun.
STATE = "begun"
