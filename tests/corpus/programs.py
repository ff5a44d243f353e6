"""Files as other programs write them: PyTables, pandas, netCDF4, xarray, packet tables and images."""

import ctypes

import netCDF4
import numpy as np
import pandas
import tables
import xarray

import raw
from registry import corpus_file


@corpus_file("pytables.h5", "PyTables: table with index, arrays, earray, carray, vlarray, links")
def pytables(path):
    class Event(tables.IsDescription):
        name = tables.StringCol(16)
        time = tables.Int64Col()
        energy = tables.Float32Col(shape=(3,))

        class position(tables.IsDescription):
            x = tables.Float64Col()
            y = tables.Float64Col()

    # The times of creation are left out, so that the file is the same each time.
    with tables.open_file(path, "w", title="corpus") as file:
        group = file.create_group("/", "events", "A group with a title")
        table = file.create_table(group, "table", Event, "Events", track_times=False,
                                  filters=tables.Filters(complevel=5, complib="zlib", shuffle=True))
        row = table.row
        for i in range(3000):
            row["name"], row["time"] = f"event {i % 40}", i * 1000
            row["energy"] = np.array([i, i / 2, -i])
            row["position/x"], row["position/y"] = i / 7, -i / 9
            row.append()
        table.flush()
        table.cols.time.create_csindex()
        table.attrs.note = {"pickled": [1, 2, 3]}
        file.create_array("/", "plain", np.arange(20).reshape(4, 5), track_times=False)
        file.create_array("/", "text", [b"one", b"three"], track_times=False)
        grown = file.create_earray("/", "earray", tables.Float64Atom(), (0, 8), track_times=False)
        for i in range(5):
            grown.append(np.full((3, 8), i / 3))
        chunked = file.create_carray("/", "carray", tables.Int16Atom(), (100, 60), track_times=False,
                                     filters=tables.Filters(complevel=3, complib="zlib"))
        chunked[10:50] = 7
        ragged = file.create_vlarray("/", "ragged", tables.Int32Atom(), track_times=False)
        for i in range(30):
            ragged.append(np.arange(i % 7))
        pickled = file.create_vlarray("/", "pickled", tables.ObjectAtom(), track_times=False)
        pickled.append(("tuple", 1, None))
        unicode = file.create_vlarray("/", "unicode", tables.VLUnicodeAtom(), track_times=False)
        unicode.append("größer 日本")
        file.create_soft_link("/", "soft", "/events/table")
        file.create_hard_link("/events", "hard", "/plain")
        file.create_external_link("/", "external", "pandas_frame.h5:/table_form")


@corpus_file("pytables_filters.h5", "PyTables: blosc, blosc2, zstd, lzo and bzip2 as far as built in",
             plugins=True)
def pytables_filters(path):
    with tables.open_file(path, "w") as file:
        for complib in ("zlib", "blosc", "blosc:zstd", "blosc2", "blosc2:lz4", "bzip2", "lzo"):
            if tables.which_lib_version(complib.split(":")[0]) is None:
                continue
            made = file.create_carray("/", complib.replace(":", "_"), tables.Float32Atom(), (200, 50),
                                      track_times=False,
                                      filters=tables.Filters(complevel=5, complib=complib))
            made[...] = np.sin(np.arange(10_000).reshape(200, 50) / 50)


@corpus_file("pandas_frame.h5", "pandas HDFStore: table and fixed form, series, index, categories, dates")
def pandas_frame(path):
    rng = np.random.default_rng(3)
    frame = pandas.DataFrame({
        "number": rng.integers(0, 1000, 500), "value": rng.normal(size=500),
        "word": [f"word {i % 13}" for i in range(500)], "flag": rng.random(500) < 0.5,
        "when": pandas.date_range("2001-01-01", periods=500, freq="h"),
    })
    with pandas.HDFStore(path, "w") as store:
        store.put("table_form", frame, format="table", data_columns=["number", "word"], track_times=False)
        store.put("fixed_form", frame.drop(columns=["word"]), format="fixed", track_times=False)
        store.put("series", frame["value"], format="table", track_times=False)
        categories = frame.assign(word=frame["word"].astype("category"))
        store.put("categories", categories, format="table", track_times=False)
        pairs = frame.set_index(["number", "word"])[["value"]]
        store.put("multi/index", pairs, format="table", track_times=False)


@corpus_file("climate.nc", "netCDF-4: dimension scales, groups, unlimited, strings, vlen, enum, compound")
def climate(path):
    with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
        file.title = "corpus"
        file.createDimension("time", None)
        file.createDimension("lat", 18)
        file.createDimension("lon", 36)
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = np.arange(10)
        for name, size in (("lat", 18), ("lon", 36)):
            file.createVariable(name, "f4", (name,))[:] = np.linspace(-90, 90, size)
        field = file.createVariable("temperature", "i2", ("time", "lat", "lon"), zlib=True,
                                    fill_value=-999, chunksizes=(1, 18, 36))
        field.scale_factor, field.add_offset, field.units = 0.01, 273.15, "K"
        field[:] = 273.15 + np.sin(np.arange(10 * 18 * 36).reshape(10, 18, 36) / 40)
        names = file.createVariable("station", str, ("lat",))
        names[:] = np.array([f"Stätion {i}" for i in range(18)], dtype=object)
        group = file.createGroup("model/run")
        group.createDimension("level", 5)
        group.createVariable("pressure", "f8", ("level", "lat"), fletcher32=True)[:] = np.ones((5, 18))
        ragged = file.createVLType(np.int32, "ragged")
        variable = group.createVariable("ragged", ragged, ("level",))
        for i in range(5):
            variable[i] = np.arange(i + 1, dtype="i4")
        colour = file.createEnumType(np.uint8, "colour", {"red": 0, "green": 1})
        group.createVariable("colour", colour, ("level",), fill_value=0)[:] = [0, 1, 1, 0, 1]
        record = file.createCompoundType(np.dtype([("a", "f8"), ("b", "i4")]), "record")
        rows = np.zeros(5, dtype=[("a", "f8"), ("b", "i4")])
        rows["b"] = np.arange(5)
        group.createVariable("records", record, ("level",))[:] = rows


@corpus_file("xarray.nc", "xarray through h5netcdf: coordinates, attributes, dates")
def from_xarray(path):
    dataset = xarray.Dataset(
        {"wind": (("time", "x", "y"), np.arange(240.0).reshape(10, 6, 4), {"units": "m/s"}),
         "count": ("x", np.arange(6, dtype="i4"))},
        coords={"time": pandas.date_range("2010-05-01", periods=10), "x": np.arange(6) * 0.5,
                "name": ("x", [f"x{i}" for i in range(6)])},
        attrs={"history": "made for tests"})
    dataset.to_netcdf(path, engine="h5netcdf", encoding={"wind": {"zlib": True, "chunksizes": (2, 6, 4)}})


@corpus_file("high_level.h5", "tables and images of HDF5's high-level library, for its own readers")
def high_level(path):
    lib = raw.hdf5_114()
    root = raw.tools_directory() / "hdf5-1.14" / "lib"
    high = raw.HighLevel(root / "libhdf5_hl.so")
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, 0)
    row = np.dtype([("name", "S16"), ("id", "<i4"), ("mass", "<f8"), ("pressure", "<f4")], align=True)
    rows = np.zeros(40, dtype=row)
    rows["name"] = [b"particle %d" % i for i in range(40)]
    rows["id"], rows["mass"], rows["pressure"] = np.arange(40), np.arange(40) / 8, np.arange(40) * -2
    names = (ctypes.c_char_p * 4)(*[name.encode() for name in row.names])
    offsets = [row.fields[name][1] for name in row.names]
    kinds = [lib.string(16), lib.id("H5T_NATIVE_INT"), lib.id("H5T_NATIVE_DOUBLE"),
             lib.id("H5T_NATIVE_FLOAT")]
    high.H5TBmake_table(b"A table", file, b"table", 4, 40, row.itemsize, names, offsets, kinds, 10,
                        None, 0, rows)
    for name, data, call in (("ints", np.arange(12, dtype="i4"), high.H5LTmake_dataset_int),
                             ("floats", np.arange(12, dtype="f4") / 4, high.H5LTmake_dataset_float),
                             ("doubles", np.arange(12) / 8, high.H5LTmake_dataset_double)):
        call(file, name, 2, [3, 4], data)
    high.H5LTmake_dataset_string(file, "text", b"a string dataset")
    high.H5LTset_attribute_int(file, "ints", "range", np.array([0, 11], dtype="i4"), 2)
    high.H5LTset_attribute_string(file, "ints", "unit", b"km")
    high.H5LTset_attribute_double(file, "/", "version", np.array([1.5]), 1)
    picture = (np.add.outer(np.arange(20), np.arange(30)) * 5).astype("u1")
    high.H5IMmake_image_8bit(file, "image", 30, 20, picture)
    palette = np.repeat(np.arange(256, dtype="u1"), 3)
    high.H5IMmake_palette(file, "palette", [256, 3], palette)
    high.H5IMlink_palette(file, "image", "palette")
    lib.H5Fclose(file)
