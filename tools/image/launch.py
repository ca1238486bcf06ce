#!/opt/mlops-actions/bin/python -IBu
"""Run the action that this file is called by: `chatops` its main stage, `chatops-post` its post stage.

The kernel starts Python itself: a shell in between would drop the hyphenated INPUT_ names. -I keeps PYTHON* variables and
the working directory out of the import path: the first are the job's, meant for another Python; the second is the
workspace, where a pull request can put a module of any name. -B: nothing is written beside the code. -u: the log keeps its
order.
"""

import os
import sys

from mlops_actions.__main__ import main

name = sys.argv[0].rpartition("/")[2]
action = name.removesuffix("-post")
code = main([action] if name == action else [action, "--post"])
if code in (130, 143) or action in ("chatops", "docker-publish"):
    # Cancelled, and cleaned up: a request still under way in a thread would hold the container until the runner kills it.
    # And every comment on a pull request starts chatops, and every push docker-publish, which mostly finds nothing to build:
    # they leave nothing behind that taking Python down would tidy up, which is a seventh of their time.
    sys.stdout.flush()
    os._exit(code)
sys.exit(code)
