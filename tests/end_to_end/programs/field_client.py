"""h5py writes a file on a server, and the Python client hdfstream reads each of its states: field_client.py BASE"""

import sys

import h5py
import hdfstream
import numpy as np


def main(base):
    def found():
        """All that the client sees of the file, asked for anew; None when there is none."""
        try:
            file = hdfstream.open(base, "/")["run 1/out.h5"]
        except KeyError:
            return None
        seen = {"/": dict(file.root.attrs)}
        file.visititems(lambda name, thing: seen.__setitem__(name, shown(thing)))
        return seen

    def expect(written):
        seen = found()
        assert same(seen, written), (seen, written)

    x = np.arange(1000, dtype="f4").reshape(100, 10)
    with h5py.File(f"{base}/run 1/out.h5", "w") as file:
        file["x"] = x
        file.attrs["unit"] = "m"
        expect(None)
        file.flush()
        first = snapshot(file)
        expect(first)
        file["x"][5:] += 1
        file["x"].attrs["more"] = np.arange(3)
        del file.attrs["unit"]
        # Readers see what was flushed last, and all of that.
        expect(first)
        file.flush()
        second = snapshot(file)
        assert not same(first, second)
        expect(second)
        group = file.create_group("deep/er")
        group.create_dataset("chunks", data=np.arange(10_000), chunks=(1000,), maxshape=(None,), compression="gzip")
        group["text"] = ["one", "zwei"]
        group["scalar"] = 1.5
        expect(second)
    with h5py.File(f"{base}/run 1/out.h5") as file:
        closed = snapshot(file)
    expect(closed)
    for turn in range(10):
        with h5py.File(f"{base}/run 1/out.h5", "a") as file:
            data = file["deep/er/chunks"]
            data.resize(data.shape[0] + 500, 0)
            data[-500:] = turn
            file.attrs[f"turn {turn}"] = turn
            appended = snapshot(file)
            expect(closed)
        closed = appended
        expect(closed)
    with hdfstream.open(base, "/")["run 1/out.h5"].open("rb") as raw:
        copy = raw.read()
    with open("copy.h5", "wb") as file:
        file.write(copy)
    with h5py.File("copy.h5") as file:
        assert same(snapshot(file), closed)
    assert set(hdfstream.open(base, "/")["run 1"]) == {"out.h5"}
    print("states", 14)


def snapshot(file):
    seen = {"/": dict(file.attrs)}
    file.visititems(lambda name, thing: seen.__setitem__(name, shown(thing)))
    return seen


def shown(thing):
    return {"value": thing[...] if hasattr(thing, "shape") else None, **dict(thing.attrs)}


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and all(text(p) == text(q) for p, q in zip(a.ravel().tolist(), b.ravel().tolist()))
    return np.all(text(a) == text(b))


main(*sys.argv[1:])
