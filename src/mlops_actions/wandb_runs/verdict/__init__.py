"""What is judged of a candidate: gates, requirements, evidence of its commit and data. Pure."""
