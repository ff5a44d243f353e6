"""The filter pipeline: built-in filters, filters by plugin, masked and damaged chunks."""

import h5py
import hdf5plugin
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

from registry import corpus_file

SHAPE, CHUNK = (60, 70), (16, 32)


def smooth(dtype="<f8", shape=SHAPE):
    """Values that compress but are not trivial."""
    x = np.arange(np.prod(shape)).reshape(shape)
    return (1000 * np.sin(x / 97.0) + x % 7).astype(dtype)


def low_level(file, name, kind, data, *settings, shape=SHAPE):
    """A chunked dataset whose creation property list got each of `settings`: (method, arguments)."""
    dcpl = h5p.create(h5p.DATASET_CREATE)
    dcpl.set_chunk(CHUNK[: len(shape)])
    for method, *arguments in settings:
        getattr(dcpl, method)(*arguments)
    made = h5d.create(file.id, name.encode(), kind, h5s.create_simple(shape), dcpl)
    made.write(h5s.ALL, h5s.ALL, data)
    return made


@corpus_file("filters_basic.h5", "deflate, shuffle, fletcher32, lzf and combinations, on many types")
def filters_basic(path):
    with h5py.File(path, "w") as file:
        for dtype in ("<i2", ">i4", "<u8", "<f4", ">f8", "<f2"):
            group = file.create_group(dtype.replace("<", "le_").replace(">", "be_"))
            data = smooth("<f4").clip(0, 1000).astype(dtype)
            for level in (0, 1, 9):
                group.create_dataset(f"deflate{level}", data=data, chunks=CHUNK, compression=level)
            group.create_dataset("shuffle", data=data, chunks=CHUNK, shuffle=True)
            group.create_dataset("fletcher32", data=data, chunks=CHUNK, fletcher32=True)
            group.create_dataset("lzf", data=data, chunks=CHUNK, compression="lzf")
            group.create_dataset("all", data=data, chunks=CHUNK, compression="gzip", shuffle=True,
                                 fletcher32=True)
            group.create_dataset("lzf_all", data=data, chunks=CHUNK, compression="lzf", shuffle=True,
                                 fletcher32=True)
        file.create_dataset("strings", data=[b"word %d" % (i % 50) for i in range(500)], chunks=(64,),
                            compression="gzip", shuffle=True)
        noise = np.random.default_rng(5).integers(0, 256, 10_000, dtype="u1")
        file.create_dataset("incompressible", data=noise, chunks=(1000,), compression="lzf")
        # Fletcher before deflate: the checksum itself is compressed.
        low_level(file, "checksum_first", h5t.IEEE_F64LE, smooth(), ("set_fletcher32",),
                  ("set_deflate", 6))


@corpus_file("filters_szip.h5", "szip: entropy coding and nearest neighbour, several block sizes")
def filters_szip(path):
    with h5py.File(path, "w") as file:
        for dtype in ("<u1", "<i2", "<i4", "<f4", "<f8", ">i4"):
            name = dtype.replace("<", "le_").replace(">", "be_")
            data = smooth("<f8").clip(0, 200).astype(dtype)
            for coding in ("ec", "nn"):
                for block in (8, 32):
                    file.create_dataset(f"{name}_{coding}{block}", data=data, chunks=CHUNK,
                                        compression="szip", compression_opts=(coding, block))


@corpus_file("filters_nbit.h5", "nbit: integers, floats and compounds of odd precision")
def filters_nbit(path):
    nbit = ("set_filter", h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL, ())
    with h5py.File(path, "w") as file:
        for precision, offset in ((17, 5), (20, 0), (31, 1)):
            kind = h5t.STD_I32LE.copy()
            kind.set_precision(precision)
            kind.set_offset(offset)
            low_level(file, f"int{precision}_{offset}", kind, smooth("<i4"), nbit)
        short = h5t.STD_U16BE.copy()
        short.set_precision(11)
        low_level(file, "short", short, smooth("<i4").clip(0), nbit, ("set_deflate", 3))
        odd = h5t.IEEE_F32BE.copy()
        odd.set_fields(26, 20, 6, 7, 13)
        odd.set_offset(7)
        odd.set_precision(20)
        odd.set_size(4)
        odd.set_ebias(31)
        low_level(file, "float20", odd, smooth("<f4"), nbit)
        pair = h5t.create(h5t.COMPOUND, 12)
        part = h5t.STD_I32LE.copy()
        part.set_precision(19)
        pair.insert(b"part", 0, part)
        pair.insert(b"pair", 4, h5t.array_create(part, (2,)))
        data = np.zeros(SHAPE, dtype=[("part", "<i4"), ("pair", "<i4", (2,))])
        data["part"] = smooth("<i4")
        data["pair"][..., 1] = -smooth("<i4")
        low_level(file, "compound", pair, data, nbit)


@corpus_file("filters_scaleoffset.h5", "scale-offset: integers, floats, given and found sizes, fills")
def filters_scaleoffset(path):
    with h5py.File(path, "w") as file:
        for dtype in ("i1", "<i2", "<i4", ">i4", "<u2", "<i8"):
            name = dtype.replace("<", "le_").replace(">", "be_")
            data = smooth("<f8").clip(0, 100).astype(dtype)
            file.create_dataset(f"{name}_auto", data=data, chunks=CHUNK, scaleoffset=True)
            file.create_dataset(f"{name}_7", data=data, chunks=CHUNK, scaleoffset=7)
        for dtype in ("<f4", "<f8", ">f8"):
            name = dtype.replace("<", "le_").replace(">", "be_")
            file.create_dataset(f"{name}_3", data=smooth(dtype), chunks=CHUNK, scaleoffset=3)
        filled = file.create_dataset("filled", SHAPE, "<i4", chunks=CHUNK, scaleoffset=True,
                                     fillvalue=-3, compression="gzip")
        filled[10:20] = smooth("<i4")[10:20]
        file.create_dataset("constant", data=np.full(SHAPE, 42), chunks=CHUNK, scaleoffset=True)


@corpus_file("filters_masked.h5", "chunks whose filters were skipped one by one, and an unknown filter")
def filters_masked(path):
    with h5py.File(path, "w") as file:
        made = file.create_dataset("masked", (8, 100), "<i4", chunks=(1, 100), compression=4, shuffle=True)
        plain = np.arange(100, dtype="<i4")
        made[...] = plain
        for row in (1, 4):
            made.id.write_direct_chunk((row, 0), (plain + row).tobytes(), filter_mask=0b11)
        unknown = low_level(file, "unknown", h5t.STD_I32LE, plain,
                            ("set_filter", 300, h5z.FLAG_OPTIONAL, (1, 2, 3)), shape=(100,))
        unknown.write_direct_chunk((0,), b"whatever this is", 0)
        low_level(file, "optional", h5t.STD_I32LE, plain,
                  ("set_filter", 300, h5z.FLAG_OPTIONAL, ()), shape=(100,))


@corpus_file("filters_damaged.h5", "chunks whose checksum or compressed stream is wrong: read errors")
def filters_damaged(path):
    with h5py.File(path, "w") as file:
        for name, options in (("checksum", {"fletcher32": True}), ("deflate", {"compression": 4})):
            made = file.create_dataset(name, (40,), "<i4", chunks=(10,), **options)
            made[...] = np.arange(40)
            mask, stored = made.id.read_direct_chunk((20,))
            made.id.write_direct_chunk((20,), bytes(b ^ 0x55 for b in stored), mask)


@corpus_file("filters_plugin.h5", "filters by plugin: blosc, blosc2, zstd, lz4, bitshuffle, bzip2",
             plugins=True)
def filters_plugin(path):
    with h5py.File(path, "w") as file:
        kinds = {
            "blosc_lz4": hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.SHUFFLE),
            "blosc_zstd": hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=hdf5plugin.Blosc.BITSHUFFLE),
            "blosc2": hdf5plugin.Blosc2(cname="zstd", clevel=5),
            "zstd": hdf5plugin.Zstd(clevel=4),
            "lz4": hdf5plugin.LZ4(),
            "bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"),
            "bzip2": hdf5plugin.BZip2(),
        }
        for name, filter in kinds.items():
            for dtype in ("<i4", "<f8"):
                file.create_dataset(f"{name}/{dtype[1:]}", data=smooth(dtype), chunks=CHUNK, **filter)
        file.create_dataset("zstd_shuffle", data=smooth("<f4"), chunks=CHUNK, shuffle=True,
                            fletcher32=True, **hdf5plugin.Zstd())
