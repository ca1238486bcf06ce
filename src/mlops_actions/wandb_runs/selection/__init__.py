"""Which runs are candidates, which are baselines. Pure."""
