"""Compares what the Python client reads from a server with what h5py reads from the local file.

    python v1_values.py SERVER FILE
"""
import sys

import h5py
import hdfstream
import numpy as np


def plain(value):
    """A value as one that can be compared: types that stand for the same are not told apart."""
    if isinstance(value, h5py.Empty):
        return (0,), []
    value = np.asarray(value)
    if value.dtype.names:
        return value.shape, repr(value.tolist())
    cells = [cell.decode() if isinstance(cell, bytes) else cell for cell in value.ravel().tolist()]
    return value.shape, [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in cells]


def compare(what, found, expected):
    found, expected = plain(found), plain(expected)
    assert found == expected, f"{what}: {str(found)[:300]} instead of {str(expected)[:300]}"


def fails(what, kinds, read):
    try:
        read()
    except kinds as error:
        return str(error)
    raise AssertionError(f"{what} can be read")


def values(server, local):
    ours = local["readable"]
    for limit in (0, 1 << 20, 1 << 30):
        group = hdfstream.open(server, "types.h5", data_size_limit=limit)["readable"]
        assert set(group) == set(ours)
        assert list(group.attrs) == sorted(ours.attrs)
        for name in ours.attrs:
            compare(f"attribute {name}", group.attrs[name], ours.attrs[name])
        for name in ours:
            expected = ours[name]
            assert group[name].shape == (expected.shape if expected.shape is not None else (0,))
            compare(f"{name}, {limit}", group[name][...], expected[()])
            if group[name].kind == "" and expected.shape and expected.dtype.kind in "iufS":
                assert group[name].dtype.itemsize == expected.dtype.itemsize, name


def slices(server, local):
    group = hdfstream.open(server, "types.h5", data_size_limit=0)["readable"]
    random = np.random.default_rng(7)
    for name in ("chunked", "lzf", "contiguous", "other order", "wide", "text"):
        remote, ours = group[name], local["readable"][name][...]
        for _ in range(6):
            bounds = [sorted(random.integers(0, extent + 1, 2)) for extent in ours.shape]
            key = tuple(slice(int(a), int(b)) for a, b in bounds)
            compare((name, key), remote[key], ours[key])
            if name == "text":
                continue
            rows = np.unique(random.integers(0, ours.shape[0], 40))
            key = (rows,) + key[1:]
            compare((name, key), remote[key], ours[key])


def structures(server, local):
    group = hdfstream.open(server, "types.h5", data_size_limit=0)["compounds"]
    ours = local["compounds"]
    for name in ours.attrs:
        compare(name, group.attrs[name], ours.attrs[name])
    assert set(group) == set(ours)
    for name in ours:
        fails(name, TypeError, lambda name=name: group[name])


def failures(server):
    group = hdfstream.open(server, "types.h5")["unreadable"]
    assert list(group.attrs) == ["good"]
    compare("good", group["good"][...], [0, 1, 2])
    for name in ("opaque", "reference", "variable field", "dangling", "external", "virtual"):
        assert name in group
        text = fails(name, (KeyError, hdfstream.HDFStreamRequestError), lambda name=name: group[name])
        assert "Unable to read data stream" in text or name == "dangling", text
    assert group["raw file"].shape == (3,)
    text = fails("raw file", hdfstream.HDFStreamRequestError, lambda: group["raw file"][...])
    assert "other files" in text, text
    assert set(group["itself"]["itself"]) == set(group)


def links(server):
    root = hdfstream.open(server, "types.h5", max_depth=3).root
    assert len(root["many"]) == 10_000
    # nil, not looked at, is what makes a client ask.
    members = lambda path: dict.items(root[path]._members)
    assert all(value is not None for _, value in members("below 20/at"))
    assert all(value is None for _, value in members("below 21/at"))
    assert root["below 21/at/d20"][()] == 20
    assert all(value is None for _, value in members("d/d/d"))
    assert root["d/d/d/d/d/d/d/d/v"][()] == 7


def main(server, path):
    with h5py.File(path) as local:
        values(server, local)
        slices(server, local)
        structures(server, local)
        failures(server)
        links(server)


main(*sys.argv[1:])
