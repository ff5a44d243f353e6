"""Does one thing with one file, once, and prints how many seconds it took.

Importing is not counted. Everything is used, so that nothing is left out as lazy.
"""

import sys
import time

import h5py


def read(name):
    with h5py.File(name) as file:
        return sum(item[:].size for item in file.values())


def walk(name):
    seen = []

    def visit(path, item):
        seen.append((path, dict(item.attrs), getattr(item, "shape", None), getattr(item, "dtype", None)))

    with h5py.File(name) as file:
        file.visititems(visit)
    return len(seen)


def list_root(name):
    with h5py.File(name) as file:
        return len(list(file))


what, name = sys.argv[1:]
action = {"read": read, "walk": walk, "list": list_root}[what]
begin = time.perf_counter()
count = action(name)
end = time.perf_counter()
assert count > 0
print(end - begin)
