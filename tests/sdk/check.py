"""Runs the checks of a script and says of each whether it holds."""

import logging
import sys
import time
import traceback
from pathlib import Path


def run(names):
    """Runs every `check_...` among these names, in order, or those named as arguments."""
    # Checks judge what an SDK returns and raises, not what it logs.
    logging.disable()
    chosen = sys.argv[1:]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        sys.exit(f"no such check: {', '.join(unknown)}")
    checks = [names[name] for name in chosen] or [
        value for name, value in names.items() if name.startswith("check_")
    ]
    failed = 0
    for check in checks:
        try:
            check()
        except Exception as error:  # A check may fail in any way; the next one runs all the same.
            failed += 1
            print(f"FAILED {check.__name__}: {why(error, check)}", flush=True)
        else:
            print(f"ok {check.__name__}", flush=True)
    print(f"{Path(sys.argv[0]).name}: {len(checks) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def why(error, check):
    """The line of the check that failed, and what the error says, in one line."""
    script = check.__code__.co_filename
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    line = f"line {frames[-1].lineno}, {frames[-1].line}" if frames else "?"
    return " ".join(f"{line}: {type(error).__name__} {error}".split())[:1000]


def same(got, wanted):
    """Both are equal, or the error shows both."""
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def holds(text, *parts):
    """The text holds all these parts."""
    for part in parts:
        assert part in (text or ""), f"no {part!r} in {text!r}"


def is_now(moment):
    """The time lies close to this machine's, with which a client compares it."""
    seconds = moment.timestamp() if hasattr(moment, "timestamp") else moment
    assert abs(seconds - time.time()) < 120, f"{moment} is not now"


def raises(kind, call, *args, **kwargs):
    """The error of exactly this type that the call raises."""
    try:
        result = call(*args, **kwargs)
    except kind as error:
        assert (
            type(error) is kind
        ), f"raised {type(error).__name__}, a kind of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}, but {result!r}")
