"""Shares answers through a Redis, and takes the Redis away."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from check import holds, run, same
from serve import SPACE_KEY, TAGSPACE, world

SERVER = shutil.which("redis-server")
PASSWORD = "sesame%41-re#dis@/:x"


class Redis:
    """A Redis on a port of its own."""

    def __init__(self, folder, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [SERVER, "--port", str(self.port), "--save", "", "--dir", folder, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    @property
    def address(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *words):
        """What the server answers to a command, without the signs around it."""
        sent = f"*{len(words)}\r\n" + "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), 5) as line:
            line.sendall(sent.encode())
            answer = line.makefile("rb")

            def read():
                head = answer.readline().decode().strip()
                kind, rest = head[0], head[1:]
                if kind == "$":
                    return answer.read(int(rest) + 2)[:-2].decode() if rest != "-1" else None
                if kind == "*":
                    return [read() for _ in range(int(rest))]
                return int(rest) if kind == ":" else rest

            return read()

    def stop(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def shared(*options, **of_world):
    """A Redis, and a command that tags the space from a new machine each time."""
    with tempfile.TemporaryDirectory() as folder, world(**of_world) as urls:
        redis = Redis(folder, *options)
        try:
            yield redis, lambda *args, **env: machine(urls, redis.address, args, env)
        finally:
            redis.stop()


def machine(urls, address, args, env):
    """A run of `tag` that is not waited for, with nothing kept from any other."""
    home = tempfile.mkdtemp()
    known = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "CONFLUENCE_URL": urls["confluence"] + "/wiki",
        "CONFLUENCE_USER": "user@example.com",
        "CONFLUENCE_API_TOKEN": "good-token",
        "GEMINI_API_KEY": "good-key",
        "GOOGLE_GEMINI_BASE_URL": urls["gemini"],
    }
    command = [TAGSPACE, "tag", SPACE_KEY, "--shared-answers", address, *args]
    return subprocess.Popen(
        command, cwd=home, env=known | env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(process):
    """The exit code, the pages and what was said beside."""
    out, err = process.communicate(timeout=60)
    holds(err, "")
    assert PASSWORD not in out + err, out + err
    return process.returncode, out.splitlines(), err


def calls(err):
    return int(err.split("ai_calls=")[1].split()[0])


def check_what_one_machine_has_paid_for_serves_the_next():
    with shared() as (_, tag):
        code, first, err = ended(tag())
        same((code, len(first)), (0, 7))
        assert calls(err) > 0, err
        code, second, err = ended(tag())
        same((code, sorted(second), calls(err)), (0, sorted(first), 0))


def check_what_was_found_there_is_kept_in_the_own_store_too():
    with shared() as (redis, tag), tempfile.TemporaryDirectory() as folder:
        ended(tag())
        store = ["--store", str(Path(folder, "answers.db"))]
        same(calls(ended(tag(*store))[2]), 0)
        redis.ask("FLUSHALL")
        same(calls(ended(tag(*store))[2]), 0)


def check_one_that_hangs_is_waited_for_once():
    with shared(latency_ms=1500) as (redis, tag):
        running = tag("--set", "batch_size=7")
        time.sleep(0.7)
        redis.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        code, pages, err = ended(running)
        took = time.monotonic() - begun
        redis.process.send_signal(signal.SIGCONT)
        same((code, len(pages)), (1, 7))
        assert took < 10, f"{took} s for one batch: {err}"


def check_without_an_own_store_too():
    with shared() as (_, tag):
        same(ended(tag("--no-state"))[0], 0)
        code, pages, err = ended(tag("--no-state"))
        same((code, len(pages), calls(err)), (0, 7, 0))


def check_another_question_is_another_answer():
    with shared() as (redis, tag):
        ended(tag())
        same(redis.ask("DBSIZE"), 7)
        code, _, err = ended(tag("--set", "text_limit_chars=40"))
        same((code, redis.ask("DBSIZE")), (0, 14))
        assert calls(err) > 0, err
        code, _, err = ended(tag("--fresh"))
        same(code, 0)
        assert calls(err) > 0, err


def check_answers_go_after_ninety_days():
    with shared() as (redis, tag):
        ended(tag())
        for key in redis.ask("KEYS", "*"):
            assert key.startswith("tagspace:1:"), key
            assert 89 * 86_400 < redis.ask("TTL", key) <= 90 * 86_400, key


def check_no_label_outside_the_taxonomy_comes_from_it():
    with shared() as (redis, tag):
        ended(tag())
        for key in redis.ask("KEYS", "*"):
            redis.ask("SET", key, '{"model":"m","tags":{"doc":["poison"],"poison":["guide"]}}')
        code, pages, err = ended(tag())
        same((code, len(pages), calls(err)), (0, 7, 0))
        assert "poison" not in " ".join(pages), pages


def check_what_makes_no_sense_is_asked_again_and_replaced():
    with shared() as (redis, tag):
        _, first, _ = ended(tag())
        for key in redis.ask("KEYS", "*"):
            redis.ask("SET", key, "rubbish")
        code, pages, err = ended(tag())
        same((code, sorted(pages)), (0, sorted(first)))
        assert calls(err) > 0, err
        same(calls(ended(tag())[2]), 0)


def check_a_redis_that_goes_midway_costs_no_page():
    settings = ["--set", "batch_size=1", "--set", "max_concurrency=1", "--set", "concurrency=1"]
    with shared(latency_ms=300) as (redis, tag):
        running = tag(*settings)
        first = running.stdout.readline()
        redis.stop()
        code, rest, err = ended(running)
        same((code, len([first, *rest])), (1, 7))
        holds(err, "error: use the store of answers: the shared answers: ")


def check_one_that_is_not_there_is_told_before_anything_is_asked():
    with shared() as (redis, tag):
        redis.stop()
        code, pages, err = ended(tag())
        same((code, pages), (2, []))
        holds(err, "--shared-answers: Connection refused", "help: expected an address such as redis://")


def check_its_password_comes_from_the_environment():
    with shared("--requirepass", PASSWORD) as (_, tag):
        same(ended(tag())[0], 2)
        same(ended(tag(REDIS_PASSWORD="wrong"))[0], 2)
        same(ended(tag(REDIS_PASSWORD=PASSWORD))[0], 0)


if __name__ == "__main__":
    run(globals())
