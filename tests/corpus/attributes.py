"""Attributes: of every kind of owner, in object headers and heaps, many, large, shared."""

import h5py
import numpy as np
from h5py import h5p

import raw
from registry import corpus_file


def attach_variety(owner, file):
    """Attributes of many types on one object."""
    attributes = owner.attrs
    attributes["int"] = np.int32(-5)
    attributes["big endian"] = np.arange(4, dtype=">u8")
    attributes["float"] = 1.5
    attributes["matrix"] = np.arange(12.0).reshape(3, 4)
    attributes["string"] = "variable ünïcode"
    attributes["fixed"] = np.bytes_(b"fixed")
    attributes["strings"] = ["one", "two", ""]
    attributes["empty"] = h5py.Empty("f8")
    attributes["bool"] = True
    attributes["compound"] = np.array([(1, 2.0)], dtype="<i2,<f8")
    attributes["reference"] = file.ref
    attributes.create("enum", 1, dtype=h5py.enum_dtype({"off": 0, "on": 1}))


@corpus_file("attributes_owners.h5", "attributes on the root, groups, datasets, named types")
def owners(path):
    with h5py.File(path, "w") as file:
        attach_variety(file, file)
        attach_variety(file.create_group("group"), file)
        attach_variety(file.create_dataset("dataset", data=1), file)
        attach_variety(file.create_dataset("null", data=h5py.Empty("i4")), file)
        file["type"] = np.dtype("f4")
        attach_variety(file["type"], file)


@corpus_file("attributes_dense.h5", "dense attributes, with and without creation order, after deletions")
def dense(path):
    orders = {"none": 0, "tracked": h5p.CRT_ORDER_TRACKED,
              "indexed": h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED}
    with h5py.File(path, "w", libver=("v108", "v114")) as file:
        for name, order in orders.items():
            for count in (7, 9, 200):
                dcpl = h5p.create(h5p.DATASET_CREATE)
                dcpl.set_attr_creation_order(order)
                space = h5py.h5s.create_simple((2,))
                made = h5py.h5d.create(file.id, f"{name} {count}".encode(), h5py.h5t.STD_I32LE, space,
                                       dcpl)
                attributes = h5py.Dataset(made).attrs
                for i in range(count):
                    attributes[f"a{(i * 37) % 251:03d}"] = np.arange(i % 9)
                if count == 200:
                    for i in range(0, count, 3):
                        del attributes[f"a{(i * 37) % 251:03d}"]


@corpus_file("attributes_10000_old.h5", "10,000 attributes in one object header; h5diff takes minutes", skip=("h5repack", "h5diff"))
def ten_thousand_old(path):
    ten_thousand(path, 0, 0)


@corpus_file("attributes_10000_new.h5", "10,000 attributes in a heap; h5diff takes minutes", skip=("h5repack", "h5diff"))
def ten_thousand_new(path):
    ten_thousand(path, 1, 4)


def ten_thousand(path, low, high):
    lib = raw.hdf5_114()
    fapl = lib.plist("FILE_ACCESS")
    lib.H5Pset_libver_bounds(fapl, low, max(high, 1))
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, fapl)
    group = lib.H5Gcreate2(file, "many", 0, 0, 0)
    kind = lib.id("H5T_STD_I32LE")
    for i in range(10_000):
        lib.attribute(group, f"attribute {i:05d}", kind, np.array([i], dtype="i4"))
    lib.H5Gclose(group)
    lib.H5Fclose(file)


@corpus_file("attributes_large.h5", "attributes above 64 KiB, long strings, many variable-length ones")
def large(path):
    with h5py.File(path, "w", libver=("v108", "v114")) as file:
        file.attrs["just below"] = np.arange(8_000, dtype="<f8")
        file.attrs["large"] = np.arange(20_000, dtype="<f8")
        file.attrs["very large"] = np.arange(1_000_000, dtype="<i4")
        made = file.create_dataset("dataset", data=1)
        made.attrs["text"] = "x" * 200_000
        made.attrs.create("fixed text", b"y" * 70_000, dtype="S70000")
        made.attrs["lines"] = [f"line {i}" for i in range(2000)]


@corpus_file("attributes_shared.h5", "shared object header messages, as lists and as B-trees")
def shared(path):
    lib = raw.hdf5_114()
    fcpl = lib.plist("FILE_CREATE")
    lib.H5Pset_shared_mesg_nindexes(fcpl, 3)
    all_but_attributes, attributes = 0b01111, 0b10000
    lib.H5Pset_shared_mesg_index(fcpl, 0, attributes, 20)
    lib.H5Pset_shared_mesg_index(fcpl, 1, 0b00010, 40)
    lib.H5Pset_shared_mesg_index(fcpl, 2, all_but_attributes & ~0b00010, 16)
    lib.H5Pset_shared_mesg_phase_change(fcpl, 50, 40)
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, fcpl, 0)
    integer, double = lib.id("H5T_STD_I32LE"), lib.id("H5T_IEEE_F64LE")
    record = lib.H5Tcreate(raw.COMPOUND, 24)
    for i, name in enumerate(("first", "second", "third")):
        lib.H5Tinsert(record, name, 8 * i, double)
    for i in range(80):
        kind = record if i % 2 else integer
        data = np.arange(12.0) + i if i % 2 else np.arange(4, dtype="i4")
        made = lib.dataset(file, f"d{i:02d}", kind, data, shape=(4,))
        lib.attribute(made, "same", double, np.arange(10.0))
        lib.attribute(made, "own", double, np.arange(10.0) * i)
        lib.attribute(made, f"named {i}", record, np.arange(3.0) + i, shape=())
        lib.H5Dclose(made)
    lib.H5Fclose(file)
