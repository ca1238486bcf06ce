"""GitHub's JSON of the state: pure functions from an object and the server's address."""
