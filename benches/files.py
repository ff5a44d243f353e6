"""The files of the workloads: made once from a fixed seed, and kept.

    python files.py DIRECTORY [LETTER...]
"""

import os
import sys
from pathlib import Path

import h5py
import numpy as np

# Part of the directory's name: count up when a file below changes.
RECIPE = 1
READERS = 8


def contiguous(file, seed, mebibytes):
    random = np.random.default_rng(seed)
    data = file.create_dataset("data", (mebibytes << 18,), "f4")
    for start in range(0, len(data), 1 << 22):
        data[start : start + (1 << 22)] = random.random(1 << 22, np.float32)


def fields(file):
    """Four smooth fields with noise, compressed."""
    random = np.random.default_rng(2)
    x = np.linspace(0, 8, 4096, dtype=np.float32)
    for number in range(4):
        field = np.sin(x + number)[:, None] * np.cos(x * (number + 1))[None, :]
        field += random.normal(0, 1e-3, field.shape).astype(np.float32)
        storage = {"chunks": (256, 256), "compression": "gzip", "compression_opts": 4, "shuffle": True}
        file.create_dataset(f"field{number}", data=field, **storage)


def snapshot(file):
    """500 datasets of 10^4 to 10^6 elements in ten groups, stored in all usual ways."""
    random = np.random.default_rng(3)
    kinds = [{}, {"chunks": True}, {"compression": "lzf"}, {"compression": "gzip", "shuffle": True}]
    for group in range(10):
        parent = file.create_group(f"part{group}")
        for number in range(50):
            size = int(10 ** random.uniform(4, 6))
            values = np.cumsum(random.integers(-3, 4, size)).astype("f4")
            data = parent.create_dataset(f"quantity{number}", data=values, **kinds[number % 4])
            attributes(data, number, 5)


def attributes(item, number, count):
    values = {
        "unit": "1e10 Msun / h",
        "scale": 0.5 + number,
        "exponents": np.arange(5, dtype="i4"),
        "count": number,
        "made by": np.bytes_(b"bench"),
    }
    for name in list(values)[:count]:
        item.attrs[name] = values[name]


def many_groups(file):
    parent = file.create_group("many")
    for number in range(20_000):
        attributes(parent.create_group(f"group{number:05}"), number, 3)


def tree(file):
    """2,000 groups, each the parent of up to five."""
    groups = [file.create_group("tree")]
    while len(groups) < 2000:
        groups.append(groups[(len(groups) - 1) // 5].create_group(f"branch{len(groups)}"))
    for number, group in enumerate(groups):
        attributes(group, number, 5)


def texts(file):
    random = np.random.default_rng(6)
    words = np.array([f"object-{number:x}" * (1 + number % 4) for number in range(5000)], object)
    data = file.create_dataset("text", (1_000_000,), h5py.string_dtype())
    for start in range(0, 1_000_000, 100_000):
        data[start : start + 100_000] = words[random.integers(0, len(words), 100_000)]


def table(file):
    random = np.random.default_rng(7)
    data = file.create_dataset("rows", (1_000_000, 16), "f4", chunks=(1024, 16))
    for start in range(0, 1_000_000, 1 << 17):
        count = min(1 << 17, 1_000_000 - start)
        data[start : start + count] = random.random((count, 16), np.float32)


RECIPES = {
    "A": lambda file: contiguous(file, 1, 256),
    "B": fields,
    "C": snapshot,
    "D": many_groups,
    "E": tree,
    "F": texts,
    "G": table,
}
# One for each of those who read at the same time.
RECIPES |= {f"R{n}": lambda file, seed=10 + n: contiguous(file, seed, 64) for n in range(READERS)}


def make(directory, letters):
    """Makes those that are missing below `directory`; returns where they are."""
    folder = Path(directory) / f"recipe-{RECIPE}"
    folder.mkdir(parents=True, exist_ok=True)
    for letter in letters:
        path = folder / f"{letter}.h5"
        if path.exists():
            continue
        print(f"making {path}", file=sys.stderr)
        unfinished = path.with_suffix(".unfinished")
        with h5py.File(unfinished, "w") as file:
            RECIPES[letter](file)
        os.replace(unfinished, path)
    return folder


if __name__ == "__main__":
    print(make(sys.argv[1], sys.argv[2:] or RECIPES))
