"""Loads each of many shared objects in a process of its own, all symbols bound at once (RTLD_NOW).

usage: load_each.py LIST        LIST: a file with one path a line

Prints a JSON object: path to "ok", or to the loader's words, or to the signal that ended the process. Each process
is forked before anything was loaded, so no object sees another's libraries.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path


def load(path: str) -> str:
    """What the loader says to one file."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        try:
            ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL)
            words = "ok"
        except OSError as error:
            words = str(error)
        os.write(writer, words.encode()[:4096])
        # No destructors: they are not what is tested, and a library's may wait for its threads.
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        words = stream.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return words if code == 0 else f"ended by {signal.Signals(-code).name}" if code < 0 else f"status {code}"


def main() -> int:
    paths = Path(sys.argv[1]).read_text().splitlines()
    print(json.dumps({path: load(path) for path in paths}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
