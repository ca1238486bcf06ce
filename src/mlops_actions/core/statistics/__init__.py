"""What few seeds can tell: estimates of a difference, and the bound that a gate with evidence compares. Pure."""
