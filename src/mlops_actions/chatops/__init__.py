"""A comment on a pull request becomes a decision and a set of variables."""
