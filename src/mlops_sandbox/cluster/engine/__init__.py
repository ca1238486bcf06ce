"""The engine that runs workflows in the stand-in cluster: Argo's semantics in threads, containers by an executor."""
