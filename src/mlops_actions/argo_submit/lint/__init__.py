"""Find in a workflow what its schema cannot say and Argo refuses."""
