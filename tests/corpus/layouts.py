"""Where raw data lies: compact, contiguous, every chunk index, external raw files."""

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from registry import corpus_file

INT32 = h5t.STD_I32LE
#: The chunk indexes of 1.10 in files that 1.14 can open too.
BOUNDS = ("v110", "v114")


def create(file, name, shape, *, maxshape=None, chunks=None, layout=None, alloc=None, fill=None,
           deflate=None, data="ramp"):
    """Create an int32 dataset with creation properties of the low level, and fill it."""
    dcpl = h5p.create(h5p.DATASET_CREATE)
    if layout is not None:
        dcpl.set_layout(layout)
    if chunks is not None:
        dcpl.set_chunk(chunks)
    if alloc is not None:
        dcpl.set_alloc_time(alloc)
    if fill is not None:
        dcpl.set_fill_value(np.array(fill, "<i4"))
    if deflate is not None:
        dcpl.set_deflate(deflate)
    maxima = None if maxshape is None else tuple(h5s.UNLIMITED if n is None else n for n in maxshape)
    space = h5s.create_simple(shape, maxima)
    made = h5py.Dataset(h5d.create(file.id, name.encode(), INT32, space, dcpl))
    if data == "ramp":
        made[...] = np.arange(made.size, dtype="<i4").reshape(shape)
    return made


@corpus_file("layout_compact.h5", "data in the object header, up to the limit of 64 KiB")
def compact(path):
    with h5py.File(path, "w") as file:
        for name, shape in (("small", (3, 4)), ("scalarish", (1,)), ("big", (16_000,))):
            create(file, name, shape, layout=h5d.COMPACT)
        create(file, "unwritten", (5,), layout=h5d.COMPACT, fill=-7, data=None)


@corpus_file("layout_contiguous.h5", "contiguous data: allocated early, late, never; fill values")
def contiguous(path):
    with h5py.File(path, "w") as file:
        create(file, "plain", (100, 100))
        create(file, "early", (50,), alloc=h5d.ALLOC_TIME_EARLY, fill=11, data=None)
        create(file, "late", (50,), alloc=h5d.ALLOC_TIME_LATE, fill=12, data=None)
        create(file, "never", (50,), fill=13, data=None)
        partly = create(file, "partly", (1000,), fill=14, data=None)
        partly[100:200] = np.arange(100)
        create(file, "cube", (30, 40, 50))
        file.create_dataset("fields", data=np.zeros((1000,), "<i4,>f8,S5"))


@corpus_file("chunks_btree1.h5", "version 1 B-trees, one of three levels; missing chunks, edges, fills")
def chunks_btree1(path):
    with h5py.File(path, "w", libver="earliest") as file:
        create(file, "one", (10,), chunks=(10,))
        create(file, "edges", (25, 37), chunks=(10, 10))
        create(file, "growing", (7, 50), maxshape=(None, None), chunks=(3, 16))
        create(file, "deep", (70, 70), chunks=(1, 1))
        create(file, "deflated", (200, 300), chunks=(32, 32), deflate=4)
        create(file, "early", (40, 40), chunks=(16, 16), alloc=h5d.ALLOC_TIME_EARLY, fill=5, data=None)
        sparse = create(file, "sparse", (300, 300), chunks=(20, 20), fill=-1, data=None)
        sparse[250:, 250:] = 9
        sparse[3, 3] = 8
        create(file, "none", (300, 300), chunks=(20, 20), fill=77, data=None)
        create(file, "empty", (0, 5), maxshape=(None, 5), chunks=(4, 5), data=None)


@corpus_file("chunks_single.h5", "single-chunk index, with and without filter")
def chunks_single(path):
    with h5py.File(path, "w", libver=BOUNDS) as file:
        create(file, "plain", (20, 30), chunks=(20, 30))
        create(file, "deflated", (20, 30), chunks=(20, 30), deflate=6)
        create(file, "maximum", (20, 30), maxshape=(20, 30), chunks=(20, 30))
        create(file, "unwritten", (20, 30), chunks=(20, 30), fill=3, data=None)


@corpus_file("chunks_implicit.h5", "implicit index: allocated early, no filter")
def chunks_implicit(path):
    with h5py.File(path, "w", libver=BOUNDS) as file:
        create(file, "filled", (33, 20), chunks=(8, 8), alloc=h5d.ALLOC_TIME_EARLY)
        create(file, "unwritten", (33, 20), chunks=(8, 8), alloc=h5d.ALLOC_TIME_EARLY, fill=1, data=None)


@corpus_file("chunks_fixed_array.h5", "fixed array index: small, paged, filtered, sparse")
def chunks_fixed_array(path):
    with h5py.File(path, "w", libver=BOUNDS) as file:
        create(file, "small", (33, 20), chunks=(8, 8))
        create(file, "deflated", (200, 200), chunks=(16, 16), deflate=5)
        create(file, "paged", (3000,), chunks=(1,))
        create(file, "paged_deflated", (5000,), chunks=(2,), deflate=1)
        sparse = create(file, "sparse", (100_000,), chunks=(10,), fill=6, data=None)
        sparse[50_000:50_100] = 1
        create(file, "bounded", (20, 20), maxshape=(40, 60), chunks=(8, 8))


@corpus_file("chunks_extensible_array.h5", "extensible array index: one unlimited dimension, grown")
def chunks_extensible_array(path):
    with h5py.File(path, "w", libver=BOUNDS) as file:
        create(file, "small", (33, 20), maxshape=(None, 20), chunks=(8, 8))
        create(file, "second", (20, 33), maxshape=(20, None), chunks=(8, 8))
        create(file, "deflated", (500, 20), maxshape=(None, 20), chunks=(16, 20), deflate=5)
        create(file, "long", (20_000,), maxshape=(None,), chunks=(4,))
        grown = create(file, "grown", (10,), maxshape=(None,), chunks=(3,))
        for size in (17, 40, 25, 300):
            grown.resize((size,))
            grown[-5:] = size
        sparse = create(file, "sparse", (50_000,), maxshape=(None,), chunks=(5,), fill=4, data=None)
        sparse[49_990:] = 1


@corpus_file("chunks_btree2.h5", "version 2 B-tree index: two unlimited dimensions, grown and shrunk")
def chunks_btree2(path):
    with h5py.File(path, "w", libver=BOUNDS) as file:
        create(file, "small", (33, 20), maxshape=(None, None), chunks=(8, 8))
        create(file, "deflated", (200, 200), maxshape=(None, None), chunks=(16, 16), deflate=5)
        create(file, "deep", (90, 90), maxshape=(None, None), chunks=(1, 1))
        cut = create(file, "cut", (64, 64), maxshape=(None, None), chunks=(5, 5))
        cut.resize((31, 17))
        cut.resize((40, 60))
        create(file, "cube", (9, 10, 11), maxshape=(None, 20, None), chunks=(4, 4, 4))


@corpus_file("chunks_latest.h5", "all index kinds in the layout version of HDF5 2.0 (1.14 refuses it)")
def chunks_latest(path):
    with h5py.File(path, "w", libver="latest") as file:
        create(file, "single", (20, 30), chunks=(20, 30), deflate=6)
        create(file, "implicit", (33, 20), chunks=(8, 8), alloc=h5d.ALLOC_TIME_EARLY)
        create(file, "fixed", (200, 200), chunks=(16, 16), deflate=5)
        create(file, "extensible", (500, 20), maxshape=(None, 20), chunks=(16, 20), deflate=5)
        create(file, "btree2", (200, 200), maxshape=(None, None), chunks=(16, 16), deflate=5)
        create(file, "contiguous", (20,))
        create(file, "compact", (20,), layout=h5d.COMPACT)


@corpus_file("chunks_fill_times.h5", "fill values written at allocation, if set, never; filtered chunk edges")
def chunks_fill_times(path):
    times = {"alloc": h5d.FILL_TIME_ALLOC, "ifset": h5d.FILL_TIME_IFSET, "never": h5d.FILL_TIME_NEVER}
    with h5py.File(path, "w", libver=BOUNDS) as file:
        for name, time in times.items():
            dcpl = h5p.create(h5p.DATASET_CREATE)
            dcpl.set_chunk((8, 8))
            dcpl.set_fill_time(time)
            dcpl.set_fill_value(np.array(2.5))
            space = h5s.create_simple((20, 20))
            made = h5d.create(file.id, name.encode(), h5t.IEEE_F64LE, space, dcpl)
            # With "never", the parts of a chunk that nobody writes hold what was in memory.
            h5py.Dataset(made)[...] = 1 if name == "never" else np.eye(20)
        text = file.create_dataset("text", (10,), dtype="S6", fillvalue=b"blank", chunks=(4,))
        text[2] = b"set"
        pair = np.dtype("<i4,<f8")
        file.create_dataset("pairs", (6,), dtype=pair, fillvalue=np.array((1, 2.0), pair))


EXTERNAL = {"HDF5_EXTFILE_PREFIX": "${ORIGIN}"}


@corpus_file("external_raw.h5", "data in raw files beside this one: one, several, with offsets, too short",
             env=EXTERNAL)
def external_raw(path):
    rng = np.random.default_rng(8)
    for name, size in (("external_a.bin", 4000), ("external_b.bin", 3000), ("external_short.bin", 100)):
        with open(name, "wb") as out:
            out.write(rng.integers(0, 256, size, dtype="u1").tobytes())
    with h5py.File(path, "w") as file:
        def external(name, shape, *segments, dtype="<i4", maxshape=None):
            file.create_dataset(name, shape, dtype=dtype, maxshape=maxshape, external=list(segments))

        external("whole", (1000,), ("external_a.bin", 0, 4000))
        external("part", (10, 10), ("external_a.bin", 1001, 400), dtype=">i4")
        external("spliced", (1500,), ("external_a.bin", 2000, 2000), ("external_b.bin", 0, 3000),
                 ("external_a.bin", 0, 1000))
        external("growing", (5, 10), ("external_b.bin", 0, h5s.UNLIMITED), maxshape=(None, 10))
        external("short", (100,), ("external_short.bin", 0, 400))
        external("missing", (10,), ("external_missing.bin", 0, 40))
        external("missing_subdirectory", (10,), ("nowhere/at_all.bin", 0, 40))
