"""A session with the Python client, as its users have them: everything is compared with h5py on the local file.

    python v1_session.py ALIAS DIRECTORY
"""
import sys
from pathlib import Path

import h5py
import hdfstream
import numpy as np


def main(alias, directory):
    directory = Path(directory)
    local = h5py.File(directory / "run 7" / "snap.h5")
    root = hdfstream.open(alias, "/")
    assert set(root) == {"run 7", "README"} and set(root.files) == {"README"}
    assert root.size == sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())

    with root["README"].open() as text:
        assert text.read() == (directory / "README").read_text()
    with root["run 7/snap.h5"].open("rb") as raw:
        assert raw.read() == (directory / "run 7" / "snap.h5").read_bytes()
    for missing in ("run 8", "run 7/other.h5", "../x"):
        try:
            root[missing]
        except KeyError:
            continue
        raise AssertionError(f"{missing} is there")

    snap = hdfstream.open(alias, "run 7/snap.h5", max_depth=1, data_size_limit=100)
    assert snap.is_hdf5() and snap.media_type == "application/x-hdf5"
    assert snap["Header"].attrs["Redshift"] == 0.5 and snap["Header"].attrs["Name"] == "a run"
    positions, ours = snap["Gas/Position"], local["Gas/Position"][...]
    assert positions.shape == ours.shape and positions.dtype == ours.dtype
    assert np.array_equal(positions[...], ours)
    assert np.array_equal(positions[10:20, 1], ours[10:20, 1])
    assert np.array_equal(positions[[5, 3, 3, 999]], ours[[5, 3, 3, 999]])
    assert np.array_equal(positions[ours[:, 0] > 0.9], ours[ours[:, 0] > 0.9])
    parts = positions.request_slices([np.s_[0:10, :], np.s_[100:110, :], np.s_[110:111, :]])
    assert np.array_equal(parts, np.concatenate([ours[0:10], ours[100:111]]))

    target = np.zeros((1000, 3))
    positions.read_direct(target)
    assert np.array_equal(target, ours)
    positions.read_direct(target, np.s_[5:15, :], np.s_[0:10, :])
    assert np.array_equal(target[:10], ours[5:15])
    masses = np.zeros(1000, dtype="f8")
    snap["Gas/Mass"].read_direct(masses)
    assert np.array_equal(masses, local["Gas/Mass"][...])

    found = {}
    snap.visititems(lambda name, thing: found.__setitem__(name, getattr(thing, "shape", None)))
    expected = {}
    local.visititems(lambda name, thing: expected.__setitem__(name, getattr(thing, "shape", None)))
    assert found == expected, (found, expected)

    with h5py.File("copy.h5", "w") as copy:
        snap.copy("Gas", copy)
        assert list(copy["Gas"]) == list(local["Gas"])
        for name, dataset in local["Gas"].items():
            assert np.array_equal(copy["Gas"][name][...], dataset[...])
            assert dict(copy["Gas"][name].attrs) == dict(dataset.attrs)

    hdfstream.disable_progress(False)
    hdfstream.set_progress_delay(0.0)
    positions[...]


main(*sys.argv[1:])
