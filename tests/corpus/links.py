"""Groups and the links in them: hard, soft, external, user-defined, in every storage form."""

import ctypes
import os

import h5py
import numpy as np
from h5py import h5g, h5p

import raw
from registry import corpus_file


@corpus_file("links_hard.h5", "aliases of datasets and groups, cycles through the root and deeper")
def links_hard(path):
    with h5py.File(path, "w") as file:
        file["data/values"] = np.arange(10)
        file["data/alias"] = file["data/values"]
        file["elsewhere/third name"] = file["data/values"]
        deep = file.create_group("a/b/c/d/e/f/g")
        deep["root"] = file["/"]
        deep["up"] = file["a/b"]
        file["self"] = file["/"]
        file["a/itself"] = file["a"]
        file["z group alias"] = file["data"]


@corpus_file("links_soft.h5", "soft links: absolute, relative, chained, dangling, circular")
def links_soft(path):
    with h5py.File(path, "w") as file:
        file["group/sub/data"] = np.arange(5)
        file["group/sub/data"].attrs["unit"] = "K"
        for name, target in {
            "absolute": "/group/sub/data", "relative": "group/sub/data", "dot": ".",
            "trailing": "group/sub/", "slashes": "//group///sub//data", "to_group": "/group",
            "chain": "absolute", "chain2": "chain", "dangling": "/no/such/object",
            "through_dangling": "dangling/child", "through": "to_group/sub/data",
            "circle_a": "circle_b", "circle_b": "circle_a", "self": "self",
            "long": "/" + "./" * 500 + "group", "unicode": "/größe/日本",
        }.items():
            file[name] = h5py.SoftLink(target)
        file["group/sibling"] = h5py.SoftLink("sub/data")
        file["group/parent"] = h5py.SoftLink("../group")


@corpus_file("links_external.h5", "external links: beside, below, absolute, dangling, in circles")
def links_external(path):
    with h5py.File("links_external_target.h5", "w") as file:
        file["data"] = np.arange(7, dtype="f4")
        file["group/inner"] = np.arange(3)
        file["soft"] = h5py.SoftLink("/group/inner")
        file["back"] = h5py.ExternalLink(path, "/local")
        file["circle"] = h5py.ExternalLink(path, "/circle")
        file["onward"] = h5py.ExternalLink("links_external/deeper.h5", "/data")
    os.makedirs("links_external", exist_ok=True)
    with h5py.File("links_external/deeper.h5", "w") as file:
        file["data"] = np.arange(4)
        file["upward"] = h5py.ExternalLink("../links_external_target.h5", "/data")
    with h5py.File(path, "w") as file:
        file["local"] = np.arange(2)
        for name, target, inside in (
            ("dataset", "links_external_target.h5", "/data"),
            ("group", "links_external_target.h5", "/group"),
            ("root", "links_external_target.h5", "/"),
            ("soft", "links_external_target.h5", "soft"),
            ("back", "links_external_target.h5", "back"),
            ("circle", "links_external_target.h5", "circle"),
            ("onward", "links_external_target.h5", "onward"),
            ("below", "links_external/deeper.h5", "data"),
            ("dotted", "./links_external_target.h5", "data"),
            ("up_and_down", "links_external/../links_external_target.h5", "data"),
            ("upward", "links_external/deeper.h5", "upward"),
            # HDF5 looks for the last part of an absolute name beside the file which holds the link.
            ("absolute", "/nowhere at all/links_external_target.h5", "/data"),
            ("absolute_dangling", "/nowhere at all/links_external_missing.h5", "/data"),
            ("dangling_file", "links_external_missing.h5", "/data"),
            ("dangling_object", "links_external_target.h5", "/no/such/object"),
            ("itself", path, "/local"),
        ):
            file[name] = h5py.ExternalLink(target, inside)


@corpus_file("links_user.h5", "links of a user-defined class that no reader has registered")
def links_user(path):
    lib = raw.hdf5_114()
    traverse = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t,
        ctypes.c_int64, ctypes.c_int64)(lambda *ignored: -1)

    class LinkClass(ctypes.Structure):
        _fields_ = [("version", ctypes.c_int), ("id", ctypes.c_int), ("comment", ctypes.c_char_p),
                    ("create", ctypes.c_void_p), ("move", ctypes.c_void_p),
                    ("copy", ctypes.c_void_p), ("traverse", type(traverse)),
                    ("delete", ctypes.c_void_p), ("query", ctypes.c_void_p)]

    link_class = LinkClass(version=1, id=99, comment=b"corpus", traverse=traverse)
    lib.H5Lregister(ctypes.byref(link_class))
    fapl = lib.plist("FILE_ACCESS")
    lib.H5Pset_libver_bounds(fapl, 1, 4)
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, fapl)
    lib.H5Gclose(lib.H5Gcreate2(file, "ordinary", 0, 0, 0))
    lib.H5Lcreate_ud(file, "user defined", 99, b"link value", 10, 0, 0)
    lib.H5Fclose(file)
    lib.H5Lunregister(99)


def fill_group(group, count):
    """Links whose creation order differs from the order of their names."""
    for i in range(count):
        name = f"n{(i * 37) % 1009:04d}"
        if i % 3 == 0:
            group.create_group(name)
        elif i % 3 == 1:
            group[name] = h5py.SoftLink(f"/target {i}")
        else:
            group[name] = np.int16(i)


@corpus_file("groups_old.h5", "symbol-table groups: empty, small, several levels of B-tree")
def groups_old(path):
    with h5py.File(path, "w", libver="earliest") as file:
        for count in (0, 1, 8, 60, 1000):
            fill_group(file.create_group(f"g{count}"), count)


@corpus_file("groups_new.h5", "link messages and dense groups, creation order not kept, kept, indexed")
def groups_new(path):
    orders = {"none": 0, "tracked": h5p.CRT_ORDER_TRACKED,
              "indexed": h5p.CRT_ORDER_TRACKED | h5p.CRT_ORDER_INDEXED}
    with h5py.File(path, "w", libver=("v108", "v114")) as file:
        for name, order in orders.items():
            for count in (0, 5, 9, 300, 1000):
                gcpl = h5p.create(h5p.GROUP_CREATE)
                gcpl.set_link_creation_order(order)
                group = h5g.create(file.id, f"{name} {count}".encode(), gcpl=gcpl)
                fill_group(h5py.Group(group), count)


@corpus_file("creation_order.h5", "creation order of links and attributes, from the root down")
def creation_order(path):
    with h5py.File(path, "w", track_order=True) as file:
        for i, name in enumerate(["zebra", "apple", "Mango", "10", "9", "ähre", "banana"]):
            group = file.create_group(name, track_order=True)
            for j in range(12):
                group.attrs[f"{(j * 5) % 12:02d} {name}"] = i * j
                group.create_dataset(f"d{(j * 7) % 12}", data=j, track_order=True)
        for name in ("zebra", "9"):
            del file[name]
        file["zebra"] = 1.0


@corpus_file("groups_shapes.h5", "a very deep path, a group of groups, comments, times, odd sizes of heaps")
def groups_shapes(path):
    with h5py.File(path, "w") as file:
        file.create_group("/".join(f"level{i}" for i in range(150)))
        for i in range(12):
            for j in range(12):
                file.create_group(f"tree/{i}/{j}")
        commented = file.create_group("commented")
        commented.id.set_comment(b".", "a comment, naïve".encode())
        made = file.create_dataset("times", data=[1, 2], track_times=True)
        made.attrs["x"] = 1
        for i in range(200):
            file.create_group(f"churn/temporary{i}")
        for i in range(0, 200, 2):
            del file[f"churn/temporary{i}"]
