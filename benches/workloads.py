"""What users do with files, in the words of h5py: systems that offer the same words need nothing else.

An action gets an open file, and returns a number that says what it has seen, which must be the same by every
system.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from files import READERS


@dataclass(frozen=True)
class Workload:
    title: str
    # Of the file; with a place for a number, each process has its own.
    letter: str
    action: Callable
    # So many do it at the same time.
    processes: int = 1
    # The workload that is done again: another process has done it before, with the same cache on disk.
    again: str | None = None
    # The action gets a new file, which is durable when it has been closed.
    writes: bool = False
    # Only without a round trip.
    near: bool = False
    # Measured without being named.
    usual: bool = True

    def letters(self):
        return [self.letter.format(number) for number in range(self.processes)]


def list_root(file):
    return len(list(file.keys()))


def walk(file):
    seen = 0

    def visit(_, item):
        nonlocal seen
        seen += 1 + len({name: item.attrs[name] for name in item.attrs.keys()})

    file.visititems(visit)
    return seen


def read_all(file):
    total = 0

    def visit(_, item):
        nonlocal total
        if hasattr(item, "shape"):
            total += item[...].size

    file.visititems(visit)
    return total


def read_each(file):
    return sum(file[name][...].size for name in file.keys())


def rows(file):
    data = file["rows"]
    wanted = np.random.default_rng(70).integers(0, 1_000_000, 1000)
    return sum(float(data[int(row)].sum(dtype="f8")) for row in wanted)


def windows(file):
    total = 0.0
    for number, top, left in np.random.default_rng(71).integers(0, (4, 3840, 3840), (100, 3)):
        window = file[f"field{number}"][int(top) : int(top) + 256, int(left) : int(left) + 256]
        total += float(window.sum(dtype="f8"))
    return total


def strided(file):
    return float(file["field1"][::16, 1000:1100].sum(dtype="f8"))


def write_whole(file):
    data = file.create_dataset("data", (256 << 18,), "f4")
    piece = np.arange(1 << 22, dtype="f4")
    for start in range(0, len(data), len(piece)):
        data[start : start + len(piece)] = piece
    return len(data)


def write_compressed(file):
    x = np.linspace(0, 8, 4096, dtype="f4")
    field = np.sin(x)[:, None] * np.cos(x)[None, :]
    storage = {"chunks": (256, 256), "compression": "gzip", "compression_opts": 4, "shuffle": True}
    return file.create_dataset("field", data=field, **storage).size


def create_many(file):
    for number in range(2000):
        data = file.create_dataset(f"data{number}", data=np.arange(10.0))
        data.attrs["unit"] = "m"
        data.attrs["number"] = number
    return len(file)


def append(file, flush=False):
    data = file.create_dataset("rows", (0, 16), "f4", maxshape=(None, 16), chunks=(64, 16))
    for number in range(1000):
        data.resize(number + 1, axis=0)
        data[number] = number
        if flush:
            file.flush()
    return len(data)


def append_flushed(file):
    return append(file, flush=True)


WORKLOADS = {
    "open": Workload("open C, list root", "C", list_root),
    "walk-c": Workload("walk C, all attributes", "C", walk),
    "walk-d": Workload("walk D, all attributes", "D", walk),
    "walk-e": Workload("walk E, all attributes", "E", walk),
    "read-a": Workload("read A whole", "A", read_each),
    "read-b": Workload("read B whole", "B", read_each),
    "read-c": Workload("read C whole, dataset by dataset", "C", read_all),
    "rows": Workload("1,000 random rows of G, one by one", "G", rows),
    "windows": Workload("100 windows of B", "B", windows),
    "strided": Workload("strided slab of B", "B", strided),
    "read-f": Workload("read F whole", "F", read_each),
}
AGAIN = {
    f"{name}-again": replace(workload, title=f"{workload.title}, again", again=name)
    for name, workload in WORKLOADS.items()
}
WORKLOADS |= {
    "four-b": Workload("4 processes reading B", "B", read_each, processes=4, near=True),
    **AGAIN,
    "write-whole": Workload("write 256 MiB, contiguous", "W", write_whole, writes=True),
    "write-gzip": Workload("write 64 MiB, gzip", "W", write_compressed, writes=True),
    "create-many": Workload("create 2,000 datasets with attributes", "W", create_many, writes=True),
    "append": Workload("1,000 appends of a row", "W", append, writes=True),
    "append-flush": Workload("1,000 appends with a flush each", "W", append_flushed, writes=True),
    "eight-one": Workload("8 processes reading A", "A", read_each, processes=READERS, usual=False),
    "eight-each": Workload(
        "8 processes reading 64 MiB, each its own file", "R{}", read_each, processes=READERS, usual=False
    ),
    "eight-flush": Workload(
        "8 processes, each 1,000 flushed appends to its file",
        "W{}",
        append_flushed,
        processes=READERS,
        writes=True,
        usual=False,
    ),
}
