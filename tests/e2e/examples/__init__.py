"""Argo's own examples on the real control plane: what is submitted, what their containers do, how they end."""
