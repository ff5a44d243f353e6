"""Reads with h5py and h5ls from `v1_replay.py`, and compares with what the recordings hold.

    python v1_replayed.py SOURCE_OF_THE_CLIENT SERVER H5LS

Prints how many groups, datasets, attributes and slices were compared.
"""
import subprocess
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
from v1_recordings import exchanges
from v1_tree import EAGLE_FILE, SWIFT_FILE, Known, to_array

counted = Counter()


def directories(known, server, h5ls):
    """Each is what its listing says: opened by itself, and through the root."""
    with h5py.File(f"{server}/") as root:
        for path, listing in known.listings.items():
            # Of the files only HDF5 ones are shown.
            files = [name for name, file in listing["files"].items() if file["type"] == "application/x-hdf5"]
            expected = sorted([*listing["directories"], *files])
            url = f"{server}/{path}/" if path else f"{server}/"
            with h5py.File(url) as file:
                assert list(file) == expected, (path, list(file))
            assert list(root[path or "/"]) == expected, path
            shown = subprocess.run([h5ls, url], capture_output=True, text=True, check=True).stdout
            assert [line.split()[0] for line in shown.splitlines()] == expected, shown
            counted["directories"] += 1
        for url in (f"{server}/EAGLE/invalid1/invalid2/", f"{server}/EAGLE/invalid1/invalid2"):
            try:
                h5py.File(url)
            except FileNotFoundError:
                continue
            raise AssertionError(f"{url} opens")


def attributes(path, item, expected):
    assert set(item.attrs) == set(expected), path
    for name, node in expected.items():
        found = item.attrs.get_id(name)
        array = np.zeros(found.shape, found.dtype)
        found.read(array)
        recorded = to_array(node)
        assert found.dtype == recorded.dtype and found.shape == recorded.shape, (path, name, found.dtype)
        assert array.tobytes() == recorded.tobytes(), (path, name, array, recorded)
        counted["attributes"] += 1


def objects(known, file, path):
    """Everything that was recorded of a file."""
    flat = known.tree(path)
    for name, node in flat.items():
        if node is None:
            # Somebody else saw that there is such a member, but nobody looked.
            continue
        if node["hdf5_object"] == "soft_link":
            assert file.get(name, getlink=True).path == node["target"], name
            counted["links"] += 1
            continue
        item = file[name]
        attributes(name, item, node["attributes"])
        if node["hdf5_object"] == "group":
            known_members = [member for member in node["members"] if flat[f"{name.rstrip('/')}/{member}"] is not None]
            assert list(item) == sorted(known_members), (name, list(item), node["members"])
            counted["groups"] += 1
        else:
            assert item.shape == tuple(node["shape"]) and item.dtype == node["type"], (name, item)
            counted["datasets"] += 1


def slices(source, files):
    """Each recorded slice, as a program would write it."""
    for one in exchanges(source):
        if "slice" not in one.parameters:
            continue
        (starts, counts), *rest = one.parameters["slice"]
        starts = [starts] if isinstance(starts, int) else starts
        counts = [counts] * len(starts) if isinstance(counts, int) else counts
        rest = tuple(slice(start, start + count) for start, count in rest)
        dataset = files[one.virtual_path][one.parameters["object"]]
        found = [dataset[(slice(start, start + count),) + rest] for start, count in zip(starts, counts)]
        recorded = to_array(one.decoded)
        assert np.concatenate(found).tobytes() == recorded.tobytes(), one.parameters
        if len(starts) > 1:
            # The same in one read.
            rows = np.concatenate([np.arange(start, start + count) for start, count in zip(starts, counts)])
            assert dataset[(rows,) + rest].tobytes() == recorded.tobytes(), one.parameters
        counted["slices"] += 1
    positions = files[EAGLE_FILE]["PartType1/Coordinates"]
    assert len(positions) > 1000
    for missing in (slice(0, 1001), slice(None)):
        try:
            positions[missing]
        except OSError as error:
            assert "Unable to read data stream" in str(error), error
        else:
            raise AssertionError("elements that nobody has recorded")


def main(source, server, h5ls):
    known = Known(Path(source))
    directories(known, server, h5ls)
    with h5py.File(f"{server}/{EAGLE_FILE}") as eagle, h5py.File(f"{server}/{SWIFT_FILE}") as swift:
        objects(known, eagle, EAGLE_FILE)
        objects(known, swift, SWIFT_FILE)
        slices(source, {EAGLE_FILE: eagle, SWIFT_FILE: swift})
        header = eagle["Header"].attrs["BoxSize"]
    with h5py.File(f"{server}/") as root:
        assert root[f"{EAGLE_FILE}/Header"].attrs["BoxSize"] == header
        assert root[f"{EAGLE_FILE}/PartType1/Coordinates"][500].shape == (3,)
    shown = subprocess.run([h5ls, "-r", f"{server}/{SWIFT_FILE}"], capture_output=True, text=True, check=True).stdout
    flat = {name for name, node in known.tree(SWIFT_FILE).items() if node is not None}
    assert {line.split()[0] for line in shown.splitlines()} == flat, shown
    print(*(f"{name} {count}" for name, count in sorted(counted.items())), sep="\n")


main(*sys.argv[1:])
