"""Compares random boxes of all datasets of a local and a remote file that the latter has; prints their number.

    read_boxes.py LOCAL REMOTE COUNT
"""
import sys

import h5py
import numpy

local, remote, count = sys.argv[1:]
random = numpy.random.default_rng(5)


def boxes(shape):
    yield ()
    for _ in range(int(count)):
        bounds = [sorted(int(at) for at in random.integers(0, extent + 1, 2)) for extent in shape]
        yield tuple(slice(start, stop) for start, stop in bounds)


compared = 0
with h5py.File(local) as ours, h5py.File(remote) as theirs:
    for name in ours:
        data = ours[name]
        if data.dtype.kind == "V" and not data.dtype.names:
            # Opaque elements, for which the protocol has no words.
            assert name not in theirs
            continue
        found = theirs[name]
        for box in boxes(data.shape):
            one, other = data[box], found[box]
            assert one.shape == other.shape, (name, box)
            same = one.tolist() == other.tolist() if one.dtype.kind == "O" else one.astype(other.dtype).tobytes() == other.tobytes()
            assert same, (name, box)
            compared += 1
print(compared)
