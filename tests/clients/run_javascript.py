"""Starts a server and runs the tests of the JavaScript client against it."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from served import Served  # noqa: E402

with Served.jeton() as server:
    command = ["node", "--test", "openai.test.js"]
    done = subprocess.run(command, cwd=HERE, env={**os.environ, "JETON_URL": server.url})
sys.exit(done.returncode)
