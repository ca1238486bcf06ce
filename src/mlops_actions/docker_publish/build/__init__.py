"""One build: its command line, its progress, its builder and its layer cache."""
