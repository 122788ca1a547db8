"""Starts `tagspace serve` on a world made for one check, and stops it."""

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

# No proxy of the environment may stand between an SDK and the loopback port.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

TAGSPACE = str(Path(os.environ.get("TAGSPACE", "target/release/tagspace")).resolve())
GEMINI_MODEL = "gemini-3.5-flash-lite"
OPENAI_MODEL = "gpt-6-luna"
SPACE_KEY = "DOCS"

SCENARIO = """\
# Do the SDKs take the fakes for the services?
schema = 1
seed = 7

[space]
key = "{key}"
pages = 7
{space}

[confluence]
latency = {{ dist = "fixed", ms = 1 }}
{confluence}

[gemini]
model = "{gemini_model}"
latency = {{ dist = "fixed", ms = {latency_ms} }}
answer = {{ miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }}
{gemini}

[openai]
model = "{openai_model}"
latency = {{ dist = "fixed", ms = {latency_ms} }}
answer = {{ miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }}
{openai}
"""


@contextlib.contextmanager
def world(space="", confluence="", gemini="", openai="", latency_ms=1):
    """The origins of the services while they are served; the texts go into the scenario's tables."""
    scenario = SCENARIO.format(
        key=SPACE_KEY,
        latency_ms=latency_ms,
        gemini_model=GEMINI_MODEL,
        openai_model=OPENAI_MODEL,
        space=space,
        confluence=confluence,
        gemini=gemini,
        openai=openai,
    )
    # Reports and logs of the served world go into the same folder, and with it.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sdk.toml").write_text(scenario)
        command = [TAGSPACE, "serve", "sdk.toml", "--json", "--for", "120s"]
        with open(Path(folder, "stderr"), "w+") as errors:
            server = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            try:
                line = server.stdout.readline()
                if not line:
                    errors.seek(0)
                    raise RuntimeError(f"serve did not start: {errors.read()}")
                yield json.loads(line)
            finally:
                # It may have ended by itself; then the code below tells.
                server.terminate()
                try:
                    server.communicate(timeout=10)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.communicate()
            # Targets are not the point here; a crash would be.
            errors.seek(0)
            if server.returncode not in (0, 99, 130):
                raise RuntimeError(f"serve ended with {server.returncode}: {errors.read()}")
