"""The documentation's site, by MkDocs."""
