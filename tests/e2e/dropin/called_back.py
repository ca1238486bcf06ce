"""A repository's own script: what the cluster said in a `repository_dispatch`, as outputs."""

import ast
import json
import os
from pathlib import Path

said = ast.literal_eval(json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())["action"])
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
    print(f"SHA={said['sha']}\nISSUE_NUMBER={said['pr_num']}\nCONCLUSION={said['conclusion']}", file=file)
