"""The file around the objects: user blocks, paging, address sizes, free space, damage."""

import ctypes

import h5py
import numpy as np
from h5py import h5f, h5p

import raw
from registry import corpus_file


def furnish(file, churn=True):
    """A few objects, and holes in the file where others were."""
    for i in range(20):
        made = file.create_dataset(f"group/d{i:02d}", data=np.arange(300) * i, chunks=(64,))
        made.attrs["i"] = i
    file["words"] = ["alpha", "beta", "gamma"]
    if churn:
        for i in range(0, 20, 4):
            del file[f"group/d{i:02d}"]


for size in (512, 4096):
    @corpus_file(f"userblock_{size}.h5", f"{size} bytes of foreign content before the HDF5 part")
    def userblock(path, size=size):
        with h5py.File(path, "w", userblock_size=size) as file:
            furnish(file)
        with open(path, "r+b") as file:
            file.write((b"#!/bin/sh\necho hello\n" * size)[:size])


@corpus_file("userblock_latest.h5", "a user block before a version 3 superblock")
def userblock_latest(path):
    with h5py.File(path, "w", userblock_size=1024, libver=("v110", "v114")) as file:
        furnish(file)


STRATEGIES = {"page": h5f.FSPACE_STRATEGY_PAGE, "fsm": h5f.FSPACE_STRATEGY_FSM_AGGR,
              "aggr": h5f.FSPACE_STRATEGY_AGGR, "none": h5f.FSPACE_STRATEGY_NONE}
for label, strategy in STRATEGIES.items():
    for persist in (False, True):
        if persist and label in ("aggr", "none"):
            continue

        @corpus_file(f"space_{label}{'_persist' if persist else ''}.h5",
                     f"file space strategy {label}{', free space kept in the file' if persist else ''}")
        def file_space(path, label=label, strategy=strategy, persist=persist):
            fcpl = h5p.create(h5p.FILE_CREATE)
            fcpl.set_file_space_strategy(strategy, persist, 1)
            if label == "page":
                fcpl.set_file_space_page_size(4096)
            fapl = h5p.create(h5p.FILE_ACCESS)
            fapl.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V114)
            with h5py.File(h5f.create(path.encode(), h5f.ACC_TRUNC, fcpl, fapl)) as file:
                furnish(file)


for addresses, lengths in ((4, 4), (4, 8), (8, 4), (2, 4)):
    @corpus_file(f"sizes_{addresses}_{lengths}.h5", f"{addresses}-byte addresses, {lengths}-byte lengths",
                 skip=("h5copy", "h5repack") if addresses == 2 else ())
    def sizes(path, addresses=addresses, lengths=lengths):
        fcpl = h5p.create(h5p.FILE_CREATE)
        fcpl.set_sizes(addresses, lengths)
        with h5py.File(h5f.create(path.encode(), h5f.ACC_TRUNC, fcpl)) as file:
            if addresses > 2:
                furnish(file)
            else:
                file["few"] = np.arange(100)


@corpus_file("btree_ranks.h5", "symbol-table and chunk B-trees of unusual rank: superblock version 1")
def btree_ranks(path):
    lib = raw.hdf5_114()
    fcpl = lib.plist("FILE_CREATE")
    lib.H5Pset_sym_k(fcpl, 2, 1)
    lib.H5Pset_istore_k(fcpl, 2)
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, fcpl, 0)
    for i in range(100):
        lib.H5Gclose(lib.H5Gcreate2(file, f"g{i:03d}", 0, 0, 0))
    dcpl = lib.plist("DATASET_CREATE")
    lib.H5Pset_chunk(dcpl, 1, [3])
    lib.H5Dclose(lib.dataset(file, "data", lib.id("H5T_STD_I32LE"), np.arange(1000, dtype="i4"), dcpl=dcpl))
    lib.H5Fclose(file)


@corpus_file("cache_image.h5", "the metadata cache stored as one block at close; HDF5 2.0.0 fails on it")
def cache_image(path):
    class Config(ctypes.Structure):
        _fields_ = [("version", ctypes.c_int), ("generate", ctypes.c_bool), ("resize", ctypes.c_bool),
                    ("ageout", ctypes.c_int)]

    lib = raw.hdf5_114()
    fapl = lib.plist("FILE_ACCESS")
    lib.H5Pset_libver_bounds(fapl, 4, 4)
    lib.H5Pset_mdc_image_config(fapl, ctypes.byref(Config(1, True, False, -1)))
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, fapl)
    for i in range(50):
        made = lib.dataset(file, f"d{i}", lib.id("H5T_STD_I32LE"), np.arange(i + 1, dtype="i4"))
        lib.attribute(made, "i", lib.id("H5T_STD_I32LE"), np.array([i], dtype="i4"))
        lib.H5Dclose(made)
    lib.H5Fclose(file)


@corpus_file("swmr.h5", "written in SWMR mode, appended several times")
def swmr(path):
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        made = file.create_dataset("data", (0, 10), maxshape=(None, 10), dtype="<i4", chunks=(5, 10))
        file.swmr_mode = True
        for i in range(8):
            made.resize((7 * (i + 1), 10))
            made[-7:] = i
            made.flush()


@corpus_file("aligned.h5", "objects aligned to 64 KiB: holes everywhere")
def aligned(path):
    with h5py.File(path, "w", alignment_threshold=1000, alignment_interval=65536) as file:
        for i in range(10):
            file[f"d{i}"] = np.arange(400) * i


def damaged(path, source, change):
    with h5py.File(source, "w", libver=("v110", "v114")) as file:
        furnish(file, churn=False)
    with open(source, "rb") as whole:
        content = bytearray(whole.read())
    with open(path, "wb") as out:
        out.write(change(content))


def change_byte(content, where, what):
    content[where] ^= what
    return content


@corpus_file("broken_truncated.h5", "the second half of the file is missing", broken=True)
def truncated(path):
    damaged(path, "whole.h5", lambda content: content[: len(content) // 2])


@corpus_file("broken_superblock.h5", "a wrong checksum in the superblock", broken=True)
def bad_superblock(path):
    damaged(path, "whole.h5", lambda content: change_byte(content, 30, 0x10))


@corpus_file("broken_unclosed.h5", "marked as open for writing, as after a crash", broken=True)
def unclosed(path):
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        file["data"] = np.arange(5)
        file.flush()
        with open(path, "rb") as now:
            content = now.read()
    with open(path, "wb") as out:
        out.write(content)


@corpus_file("broken_metadata.h5", "opens, but an object header of a dataset is damaged")
def bad_metadata(path):
    def damage(content):
        header = content.rfind(b"OHDR")
        return change_byte(content, header + 20, 0xFF)

    damaged(path, "whole.h5", damage)


@corpus_file("whole.h5", "what the broken files were before")
def whole(path):
    damaged(path, path, lambda content: content)


@corpus_file("broken_empty.h5", "no bytes at all", broken=True)
def empty(path):
    open(path, "wb").close()


@corpus_file("broken_text.h5", "not HDF5", broken=True)
def text(path):
    with open(path, "w") as out:
        out.write("This is not an HDF5 file.\n" * 200)
