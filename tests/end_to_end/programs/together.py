"""Programs of several processes: other Python programs beside this one, and waiting for the test that runs it."""

import os
import re
import subprocess
import sys
import time

import h5py

LIMIT = 60


def other(code, *arguments, **variables):
    """Runs `code` in a process of its own, which finds `h5py`, `numpy` and its arguments as `a`, `b`, ...; gives what
    it printed. What it raises it prints, too."""
    names = ", ".join("abcdefgh"[: len(arguments)])
    lines = "".join(f"    {line}\n" for line in code.strip().splitlines())
    program = (
        "import errno, sys, h5py, numpy\n"
        + (f"{names}, = sys.argv[1:]\n" if arguments else "")
        + f"try:\n{lines}"
        + "except Exception as error: print(type(error).__name__, getattr(error, 'errno', None), error)\n"
    )
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
        check=True,
        env=environment,
    )
    return done.stdout.strip()


def seen(name):
    """What another process finds in the root group of the file `name`: the names, or the error."""
    return other("with h5py.File(a) as f: print(*sorted(f))", name)


def error_of(call, *arguments, **keywords):
    """Kind, errno and text of what `call` raises. Where h5py knows the kind of error by what HDF5 did (a flush, a close), the
    number stands in the text."""
    try:
        call(*arguments, **keywords)
    except Exception as error:
        found = re.search(r"errno = (\d+)", str(error))
        number = getattr(error, "errno", None) or (int(found[1]) if found else None)
        return type(error).__name__, number, str(error)
    raise AssertionError("nothing was raised")


def step(name):
    """Tells the test that `name` is reached, and waits until it says to go on."""
    folder = os.environ["STEPS"]
    open(os.path.join(folder, name + ".reached"), "w").close()
    end = time.monotonic() + LIMIT
    while not os.path.exists(os.path.join(folder, name + ".go")):
        if time.monotonic() > end:
            raise AssertionError(f"the test did not go on after {name}")
        time.sleep(0.01)


def wait_for(condition):
    """Waits until `condition()` holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come")
        time.sleep(0.05)
