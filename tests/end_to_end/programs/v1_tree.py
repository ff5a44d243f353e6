#!/usr/bin/env python3
"""Rebuild, from the source of the Python client, a directory tree good enough
to run that project's own test-suite live against a server under test.

    python v1_tree.py --client-src <source of the client> --out <dir>

The source supplies everything: tests/cassettes/ holds real responses (group
structure, attribute values, dataset shapes and types, directory listings) and
tests/data/snapshot/eagle_snap_data.dat.gz holds the first 1000 rows of two
datasets.  The result is a plain directory to be served so that

    <out>/EAGLE/...   is the virtual path   /EAGLE/...
    <out>/Tests/...   is the virtual path   /Tests/...

What is exact: every attribute that occurs in a cassette (name, type string,
shape, bytes), every dataset shape and type, the link order the stock server
reported, soft links, the first 1000 rows of PartType1/Coordinates and
PartType1/Velocity, all of Header/PartTypeNames, modification times of files
that occur in a listing, their sizes, and the totals of directories (with files that are sparse).
What is invented: rows never recorded are the fill value 0; groups whose
contents were never recorded are empty; string padding is null-pad; storage is
chunked and deflated; the other snapshot files are empty HDF5 files.

Needs: numpy, h5py, msgpack.  Unpickles a file of the source: use one that
you trust.
"""
import argparse
import gzip
import os
import pickle
from pathlib import Path
from urllib.parse import unquote, urlsplit

import h5py
import msgpack
import numpy as np

EAGLE_DIR = "EAGLE/Fiducial_models/RefL0012N0188"
EAGLE_FILE = EAGLE_DIR + "/snapshot_000_z020p000/snap_000_z020p000.0.hdf5"
SWIFT_FILE = "Tests/SWIFT/IOExamples/ssio_ci_04_2025/EagleSingle.hdf5"
README_FILE = "Tests/SWIFT/IOExamples/ssio_ci_04_2025/README"


def as_bytes(x):
    return x.encode("latin1") if isinstance(x, str) else (x or b"")


def responses(src):
    """Yield (endpoint, virtual path, request parameters, body) for each
    successful recorded exchange."""
    for name in sorted((src / "tests" / "cassettes").glob("*/*.msgpack.gz")):
        tape = msgpack.unpackb(gzip.decompress(name.read_bytes()))
        for item in tape["interactions"]:
            req, res = item["request"], item["response"]
            if res["status"]["code"] != 200:
                continue
            path = unquote(urlsplit(req["uri"]).path)
            path = path.split("/hdfstream/", 1)[1]
            endpoint, _, vpath = path.partition("/")
            body = as_bytes(req["body"])
            params = msgpack.unpackb(body) if body else {}
            yield endpoint, vpath.strip("/"), params, as_bytes(res["body"]["string"])


def to_array(node):
    """Decode one recorded {nd: true} map of a simple type."""
    raw = b"".join(node["data"])
    arr = np.frombuffer(raw, dtype=np.dtype(node["type"]))
    return arr.reshape(node["shape"])


class Known:
    """Everything the cassettes say, by virtual path."""

    def __init__(self, src):
        self.objects = {}    # vpath -> {object name -> [decoded object]}
        self.rows = {}       # vpath -> {dataset -> [(slice, array)]}
        self.listings = {}   # vpath -> directory listing
        self.files = {}      # vpath -> file entry
        self.downloads = {}  # vpath -> bytes
        for endpoint, vpath, params, body in responses(src):
            if endpoint == "download":
                self.downloads[vpath] = body
                continue
            obj = msgpack.unpackb(body, strict_map_key=False)
            if "slice" in params:
                if isinstance(params["slice"], list) and obj.get("nd"):
                    rows = self.rows.setdefault(vpath, {})
                    rows.setdefault(params["object"], []).append(
                        (params["slice"], to_array(obj)))
            elif "object" in params:
                objs = self.objects.setdefault(vpath, {})
                objs.setdefault(params["object"], []).append(obj)
            elif obj.get("type") == "directory":
                self.listings[vpath] = obj
                for name, entry in obj["files"].items():
                    self.files[f"{vpath}/{name}".strip("/")] = entry
            else:
                self.files[vpath] = obj

    def tree(self, vpath):
        """Merge all recorded views of one HDF5 file into one tree."""
        flat = {}

        def visit(name, node):
            if node is None:
                flat.setdefault(name, None)
                return
            old = flat.get(name)
            if node["hdf5_object"] == "group":
                members = dict(old["members"]) if old else {}
                for m in node["members"]:
                    members.setdefault(m, None)
                flat[name] = {"hdf5_object": "group",
                              "attributes": node["attributes"],
                              "members": members}
                for m, sub in node["members"].items():
                    visit((name.rstrip("/") + "/" + m), sub)
            else:
                flat[name] = node

        for name, nodes in self.objects[vpath].items():
            for node in nodes:
                visit(name, node)
        return flat


def write_attrs(obj, attributes):
    for name, node in attributes.items():
        arr = to_array(node)
        obj.attrs.create(name, data=arr, shape=arr.shape, dtype=arr.dtype)


def write_rows(dset, slices, arr):
    """Store one recorded (multi-)slice reply into a dataset."""
    starts, counts = slices[0]
    starts = [starts] if isinstance(starts, int) else starts
    counts = [counts] * len(starts) if isinstance(counts, int) else counts
    rest = tuple(slice(s, s + c) for s, c in slices[1:])
    pos = 0
    for s, c in zip(starts, counts):
        dset[(slice(s, s + c),) + rest] = arr[pos:pos + c]
        pos += c


def build_file(known, vpath, target, libver):
    flat = known.tree(vpath)
    rows = known.rows.get(vpath, {})
    with h5py.File(target, "w", libver=libver) as f:
        def build(group, name):
            node = flat.get(name)
            if node is None:        # never recorded: leave the group empty
                return
            write_attrs(group, node["attributes"])
            for m in node["members"]:
                path = name.rstrip("/") + "/" + m
                sub = flat.get(path)
                kind = sub["hdf5_object"] if sub else "group"
                if kind == "group":
                    build(group.create_group(m), path)
                elif kind == "soft_link":
                    group[m] = h5py.SoftLink(sub["target"])
                else:
                    shape, dtype = tuple(sub["shape"]), np.dtype(sub["type"])
                    kw = {}
                    if shape and shape[0] > 1000:
                        kw = dict(chunks=(1000,) + shape[1:],
                                  compression="gzip", compression_opts=4)
                    d = group.create_dataset(m, shape=shape, dtype=dtype, **kw)
                    write_attrs(d, sub["attributes"])
                    for sl, arr in rows.get(path, []):
                        write_rows(d, sl, arr)
        build(f, "/")


# Larger than any file system allows in one file.
LARGEST = 4 << 40


def total(directory):
    return sum(p.stat().st_size for p in directory.rglob("*") if p.is_file())


def fill(known, out):
    """Add sparse files until directories have the recorded totals, innermost first, in subdirectories
    whose own listing was not recorded."""
    for vpath in sorted(known.listings, key=len, reverse=True):
        listing = known.listings[vpath]
        unknown = [sub for sub in listing["directories"] if f"{vpath}/{sub}".strip("/") not in known.listings]
        for sub in listing["directories"]:
            (out / vpath / sub).mkdir(parents=True, exist_ok=True)
        missing = listing["size"] - total(out / vpath)
        number = 0
        while missing > 0 and unknown:
            part = min(missing, LARGEST)
            with open(out / vpath / unknown[-1] / f"filler{number}", "wb") as f:
                f.write(b"\0")
                f.truncate(part)
            missing -= part
            number += 1


def stamp(known, vpath, target):
    entry = known.files.get(vpath)
    if not entry:
        return
    if os.path.getsize(target) < entry["size"]:
        os.truncate(target, entry["size"])   # sparse tail; HDF5 ignores it
    t = entry["last_modified"] // 1000
    os.utime(target, (t, t))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ap.add_argument("--client-src", type=Path, required=True,
                    help="checkout of hdfstream-python")
    ap.add_argument("--out", type=Path, required=True,
                    help="directory to fill (created if missing)")
    args = ap.parse_args()
    known = Known(args.client_src)

    def place(vpath):
        target = args.out / vpath
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    # The two HDF5 files the tests read from.
    pick = args.client_src / "tests/data/snapshot/eagle_snap_data.dat.gz"
    data = pickle.loads(gzip.decompress(pick.read_bytes()))
    rows = known.rows.setdefault(EAGLE_FILE, {})
    for name, key in (("Coordinates", "ptype1_pos"), ("Velocity", "ptype1_vel")):
        rows["/PartType1/" + name] = [([[0, len(data[key])], [0, 3]], data[key])]
    build_file(known, EAGLE_FILE, place(EAGLE_FILE), "earliest")
    build_file(known, SWIFT_FILE, place(SWIFT_FILE), ("v114", "v114"))

    # The files and directories the listing tests count.
    place(README_FILE).write_bytes(known.downloads[README_FILE])
    for vpath in known.files:
        target = place(vpath)
        if not target.exists():
            h5py.File(target, "w").close()
    for vpath, listing in known.listings.items():
        if not vpath.startswith("EAGLE/"):
            continue
        for sub in listing["directories"]:
            holder = args.out / vpath / sub
            holder.mkdir(parents=True, exist_ok=True)
            # a server that infers directories from files needs one in each
            if not any(p.is_file() for p in holder.rglob("*")):
                (holder / "placeholder.txt").write_text("placeholder\n")
    for vpath in known.files:
        stamp(known, vpath, args.out / vpath)
    fill(known, args.out)


if __name__ == "__main__":
    main()
