"""A repository's own script: the table of `wandb_report.csv` as a comment, and another label in place of the first."""

import ast
import csv
import json
import os
import urllib.parse
import urllib.request
from pathlib import Path


def call(method: str, path: str, body: object = None) -> int:
    address = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues/{os.environ['PR_NUM']}/{path}"
    request = urllib.request.Request(address, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Authorization", f"token {os.environ['GITHUB_TOKEN']}")
    with urllib.request.urlopen(request) as answer:
        return int(answer.status)


def rounded(text: str) -> str:
    return str(round(float(text), 3)) if text else "nan"


with Path("wandb_report.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
entity, project = rows[0]["run.entity"], rows[0]["run.project"]
lines = [f"### Results of {entity}/{project}", "", "| Category | Run | Tags | SHA | Acc | Loss | Frozen |", "|---" * 7 + "|"]
for row in rows:
    cells = [
        row["__eval.category"],
        f"[{row['run.id']}]({row['run.url']})",
        "+".join(ast.literal_eval(row["run.tags"])),
        row["github_sha"][:7],
        rounded(row["accuracy"]),
        rounded(row["loss"]),
        "yes" if row["_frozen"] == "True" else "no",
    ]
    if row["__eval.category"] == "candidate":
        cells = [f"**{cell}**" for cell in cells]
    lines.append(f"| {' | '.join(cells)} |")
assert call("POST", "comments", {"body": "\n".join(lines)}) == 201
call("DELETE", f"labels/{urllib.parse.quote('Full Test Pending')}")
call("POST", "labels", {"labels": ["Full Test Complete"]})
