"""PyBEST's files with locks, by two processes: field_locked_file.py DIRECTORY

What it prints does not depend on where the directory is.
"""

import contextlib
import fcntl
import io
import os
import pathlib
import subprocess
import sys

# The package keeps the stdout that it finds, for a greeting and a farewell.
with contextlib.redirect_stdout(io.StringIO()):
    import pybest
    from pybest.io.lockedh5 import LockedH5File

import h5py
import numpy as np


def main(folder):
    name = folder / "checkpoint.h5"
    own_files(name)
    writers_exclude_each_other(name)
    readers_and_writers(name)
    objects(folder)
    descriptor(name)


def own_files(name):
    with LockedH5File(name, "w") as file:
        print("created", file.driver, file.mode, file.id.get_vfd_handle() > 2)
        file["orbitals"] = np.arange(12.0).reshape(3, 4)
        file.create_group("energies").attrs["total"] = -76.2
    with LockedH5File(name, mode="r") as file:
        print("read", file.mode, file["orbitals"][1:, ::2].tolist(), file["energies"].attrs["total"])
    with LockedH5File(str(name), "a") as file:
        file["orbitals"][0] = -1
        del file["energies"].attrs["total"]
        file["more"] = "text"
    with LockedH5File(name, "r") as file:
        print("changed", file["orbitals"][0].tolist(), dict(file["energies"].attrs), file["more"][()])
    attempt("no such file", name.with_name("absent.h5"), "r")
    attempt("it exists", name, "x")
    attempt("another driver", name.with_name("in_memory.h5"), "w", driver="core", backing_store=False)


def attempt(what, name, mode, count=2, **options):
    """Says whether the file can be had, after as many attempts as told."""
    try:
        with LockedH5File(name, mode, count=count, wait=0.05, **options) as file:
            print(what, "opened", sorted(file))
    except (OSError, ValueError) as error:
        print(what, type(error).__name__, error.errno if isinstance(error, OSError) else error)


def writers_exclude_each_other(name):
    with other("a", name) as neighbour:
        attempt("while it is written: write", name, "a")
        attempt("while it is written: read", name, "r")
        neighbour.go_on()
        # The neighbour ends some time after this began to try.
        attempt("after a while: write", name, "a", count=200)
    # Four processes that all want to add to the same number.
    with LockedH5File(name, "a") as file:
        file["count"] = 0
    processes = [start("count", name) for _ in range(4)]
    print("counters", [process.wait(60) for process in processes])
    with LockedH5File(name, "r") as file:
        print("counted", int(file["count"][()]))


def readers_and_writers(name):
    with other("r", name) as neighbour:
        attempt("while it is read: read", name, "r")
        attempt("while it is read: write", name, "a")
        neighbour.go_on()
        attempt("after a while: write", name, "a", count=200)


def refused_truncation(name):
    """Not of a local file: HDF5 empties that before it finds the lock."""
    with other("a", name) as neighbour:
        attempt("while it is written: truncate", name, "w")
        neighbour.go_on()
    with LockedH5File(name, "r") as file:
        print("still there", sorted(file))


def objects(folder):
    """PyBEST's own objects, in files that it locks itself."""
    factory = pybest.DenseLinalgFactory(4)
    matrix = factory.create_two_index()
    matrix.array[:] = np.arange(16.0).reshape(4, 4)
    orbitals = factory.create_orbital()
    orbitals.coeffs[:] = np.eye(4)
    orbitals.energies[:] = [1, 2, 3, 4]
    path = folder / "objects.h5"
    pybest.dump_h5(path, {"olp": matrix, "orb_a": orbitals, "e_tot": -1.5, "label": "water", "x": np.ones(3)})
    found = pybest.load_h5(path)
    print("objects", sorted(found), found["e_tot"], found["x"].tolist())
    print("matrix", type(found["olp"]).__name__, found["olp"].array.tolist() == matrix.array.tolist())
    print("orbitals", found["orb_a"].energies.tolist(), found["orb_a"].coeffs.trace())
    # An existing file is written over.
    pybest.dump_h5(path, {"olp": matrix})
    print("again", sorted(pybest.load_h5(path)))


def descriptor(name):
    """The lock by descriptor alone, without HDF5's."""
    with h5py.File(name, "r") as first, h5py.File(name, "r") as second:
        one, two = (os.dup(file.id.get_vfd_handle()) for file in (first, second))
    for fd in (one, two):
        os.close(fd)
    with h5py.File(name, "a") as file:
        fcntl.flock(file.id.get_vfd_handle(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(file.id.get_vfd_handle(), fcntl.LOCK_UN)
        print("descriptor", "locked and unlocked")


@contextlib.contextmanager
def other(mode, name):
    """Another process that has the file open until it is told to go on."""
    process = start("hold", name, mode, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    process.go_on = lambda: (process.stdin.write("\n"), process.stdin.flush())
    try:
        yield process
    finally:
        print("neighbour", process.wait(60))


def start(*arguments, **options):
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], **options)


def hold(name, mode):
    import time

    with LockedH5File(name, mode, count=1):
        print("open", flush=True)
        sys.stdin.readline()
        time.sleep(0.5)


def count(name):
    for _ in range(5):
        with LockedH5File(name, "a", count=2000, wait=0.02) as file:
            file["count"][()] += 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["hold", name, mode]:
            hold(name, mode)
        case ["count", name]:
            count(name)
        case ["truncate", name]:
            refused_truncation(pathlib.Path(name))
        case [folder]:
            main(pathlib.Path(folder))
