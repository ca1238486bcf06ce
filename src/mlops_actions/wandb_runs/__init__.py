"""Report the tracker's runs of a commit on the pull request, compared with their baselines."""
