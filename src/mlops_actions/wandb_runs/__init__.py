"""wandb-runs: what the experiment tracker knows about a commit, set against its baselines."""
