"""Manifests that the contract runs."""

from __future__ import annotations


def workflow(spec: str, name: str = "test") -> str:
    """A manifest around the lines of a spec."""
    lines = "".join(f"  {line}\n" for line in spec.strip("\n").splitlines())
    return f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  generateName: {name}-\nspec:\n{lines}"


ECHO = """
- name: echo
  inputs: {parameters: [{name: text}]}
  outputs: {parameters: [{name: text, valueFrom: {path: /tmp/text}}]}
  container:
    image: IMAGE
    command: [sh, -c]
    args: ["printf '%s\\\\n' '{{inputs.parameters.text}}' | tee /tmp/text"]
- name: fail
  container: {image: IMAGE, command: [sh, -c], args: ["echo broken >&2; exit 3"]}
"""
