"""`schemathesis` over /openapi.json: whatever fits the description gets no 5xx, and every response
is one of those described."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from served import Served

EXAMPLES = 8
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)


class OpenApi(unittest.TestCase):
    def test_the_server_is_as_it_describes_itself(self):
        tool = pathlib.Path(sys.executable).parent / "schemathesis"
        # Short answers: what is asked here is whether they fit, not what they say.
        folder = tempfile.TemporaryDirectory(prefix="openapi-")
        self.addCleanup(folder.cleanup)
        config = pathlib.Path(folder.name) / "jeton.yaml"
        config.write_text("limits:\n  max_tokens: {max: 8}\n")
        with Served.jeton("--config", config) as server:
            command = [tool, "run", f"{server.url}/openapi.json", "--url", server.url]
            command += ["--checks", CHECKS, "--max-examples", str(EXAMPLES), "--seed", "7"]
            command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", "30"]
            # It remembers what it found in the folder where it runs, and tries that again first.
            command += ["--no-color", "--generation-database", "none"]
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder.name)
            self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:])
            self.assertEqual(server.get("/health").status, 200)
            self.assertEqual(server.stop(), 0, server.tail())


if __name__ == "__main__":
    unittest.main()
