"""A bamboost collection whose data files may be remote: field_bamboost.py DIRECTORY

What it prints does not depend on where the directory is.
"""

import pathlib
import subprocess
import sys

import bamboost
import h5py
import numpy as np
from bamboost import Collection, Simulation, SimulationWriter, config
from bamboost.core.hdf5.file import FileMode, HDF5File
from bamboost.core.hdf5.ref import Dataset, Group


def main(folder):
    print("version", bamboost.__version__)
    config.options.file_lock_timeout = 60
    collection = Collection(folder / "runs")
    fill(collection)
    read_back(collection)
    references(collection)
    deletions(collection)
    modes(collection)
    two_processes(collection)
    duplicates(collection)
    print("files", sorted(str(path.relative_to(folder)) for path in folder.rglob("*.h5")))


def fill(collection):
    parameters = {"steps": 3, "material": {"E": 2.5, "nu": 0.3}, "mask": [1, 0, 1], "label": "first"}
    with collection.add("one", parameters, description="a run", tags=["a", "b"]) as run:
        run.meshes.add(np.arange(12.0).reshape(6, 2), np.array([[0, 1, 2], [3, 4, 5]]))
        for step in range(3):
            writer = run.data.require_step(step / 10)
            writer.add_field("height", np.full((6, 2), step, float))
            writer.add_fields({"speed": np.arange(6.0) * step, "flags": np.arange(6) % 2})
            writer.add_scalar("energy", step * 1.5)
            writer.add_scalars({"vector": [step, step + 1], "volume": 2})
        run.require_series("probes").require_step(7.0).add_scalar("p", 1.0)
    with collection.add("two", {"steps": 5, "label": "second"}) as run:
        run.root.require_group("extra/deep")
        run.root["extra"].attrs["note"] = "two"
        run.root["extra"].add_dataset("numbers", np.arange(10), attrs={"unit": "m"})
        run.root["extra"]["table"] = np.eye(3)
    try:
        with collection.add("three", {"steps": 7}):
            raise RuntimeError("an accident")
    except RuntimeError:
        pass


def read_back(collection):
    # What the index of the collection gathered from the files.
    frame = Collection(collection.path).df.sort_values("name")
    for row in frame.to_dict("records"):
        print("row", row["name"], row["steps"], row["status"], row.get("label"), row.get("material.E"))
    collection.sync_cache(force_all=True)
    print("synced", sorted(collection.all_simulation_names()))
    run = collection["one"]
    print("parameters", run.parameters["steps"], dict(run.parameters["material"]), list(run.parameters["mask"]))
    print("metadata", run.status.format(), run.description, sorted(run.tags))
    print("series", len(run.data), run.data.values.tolist(), sorted(map(str, run.data.get_field_names())))
    print("field", run.data["height"][1].tolist(), run.data["speed"][:].tolist(), run.data["height"][-1, 0].tolist())
    print("scalars", run.data.globals.df.to_dict("list"))
    print("mesh", run.mesh.coordinates.tolist(), run.mesh.cells.tolist())
    print("probes", run.require_series("probes").globals["p"][:].tolist())
    print("failed", collection["three"].status.format())
    print("filtered", [s.name for s in collection.filter(collection.k["steps"] > 4).sort("steps")])


def references(collection):
    run = collection["two"]
    group = run.root["extra"]
    print("group", type(group).__name__, sorted(map(str, group.keys())), sorted(group.attrs))
    numbers = group["numbers"]
    print("dataset", type(numbers).__name__, numbers.shape, numbers.dtype, numbers[2:5].tolist(), dict(numbers.attrs))
    print("array", numbers.array.sum(), group["table"][1].tolist(), str(numbers.parent._path))
    try:
        Group("absent", run._file)
    except KeyError as error:
        print("absent", type(error).__name__)
    try:
        run.root["extra"].attrs["note"] = "no"
    except PermissionError as error:
        print("read-only", type(error).__name__)
    writer = run.edit()
    with writer.root.open("a"):
        data = writer.root["extra"].require_dataset("grows", (2,), "f8", maxshape=(None,), chunks=(4,))
        data[:] = 1
        data.resize((9,))
        data[7:] = 3
    writer.root["extra"].attrs.update({"note": "changed", "list": [1, 2]})
    writer.root["extra"].add_dataset("text", "some text")
    print("grown", collection["two"].root["extra"]["grows"][:].tolist())
    print("attributes", dict(collection["two"].root["extra"].attrs))
    print("text", collection["two"].root["extra"]["text"][()])
    with collection["two"].root.open("r") as file:
        # References of HDF5 itself, within the file.
        print("kinds", isinstance(file["extra"], h5py.Group), file.mode)
    with writer.root.open("r+") as file:
        file["refs"] = np.array([file["extra"].ref, file["extra/table"].ref], dtype=h5py.ref_dtype)
        region = file["extra/table"].regionref[1:, :2]
        file["region"] = np.array([region], dtype=h5py.regionref_dtype)
    with HDF5File(run._data_file).open() as file:
        print("references", [file[ref].name for ref in file["refs"][()]])
        print("region", file["extra/table"][file["region"][0]].tolist())


def deletions(collection):
    writer = collection["two"].edit()
    del writer.root["extra"]["numbers"]
    del writer.root["extra"].attrs["list"]
    del writer.root["extra"]["deep"]
    print("deleted", sorted(map(str, collection["two"].root["extra"].keys())))
    # Space that became free is used again.
    with writer.root.open("a") as file:
        for turn in range(5):
            file.create_dataset("large", data=np.full(20_000, turn))
            file.flush()
            del file["large"]
        file["kept"] = np.arange(5)
    print("kept", collection["two"].root["kept"][:].tolist())


def modes(collection):
    """A file that is open for reading is opened again for writing when somebody writes."""
    writer = collection["one"].edit()
    with writer.root.open("r") as file:
        print("mode", file.mode)
        writer.root.attrs["upgraded"] = 1
        print("mode", file.mode)
        with writer.root.open("a"):
            writer.root["late"] = np.arange(3)
    print("closed", writer._file.is_open)
    reader = Simulation("one", collection.path)
    print("upgraded", reader.root.attrs["upgraded"], reader.root["late"][:].tolist())
    new = HDF5File(collection.path / "new.h5", mutable=True)
    with new.open(FileMode.WRITE_FAIL) as file:
        file["x"] = 1
    try:
        with new.open("x"):
            pass
    except FileExistsError as error:
        print("exists", type(error).__name__, error.errno)
    with new.open("w") as file:
        file["y"] = 2
    new.force_close()
    with HDF5File(collection.path / "new.h5").open() as file:
        print("replaced", sorted(h5py.File.keys(file)))


def two_processes(collection):
    """Both write; who finds the file locked (BlockingIOError) tries again."""
    path = collection.path
    others = [start("append", path, number) for number in range(2)]
    print("writers", [process.wait(100) for process in others])
    run = collection["one"]
    print("shared", sorted(int(key[5:]) for key in map(str, run.root["shared"].attrs)))
    holder = start("hold", path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "open\n"
    file = HDF5File(run._data_file, mutable=True)
    try:
        file.open("a", timeout=0.3)
    except TimeoutError as error:
        print("locked", type(error.__cause__).__name__, error.__cause__.errno)
    file._context_stack = 0
    holder.stdin.write("\n")
    holder.stdin.flush()
    with file.open("a", timeout=60):
        print("unlocked", file["held"][()])
    print("holder", holder.wait(60))


def start(*arguments, **options):
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], **options)


def append(path, number):
    config.options.file_lock_timeout = 90
    run = SimulationWriter("one", path)
    run.root.require_group("shared")
    for turn in range(8):
        # Without the index of the collection, which has a lock of its own.
        with run.root.open("a") as file:
            file["shared"].attrs[f"turn {turn * 2 + number}"] = np.arange(turn)


def hold(path):
    run = SimulationWriter("one", path)
    with run.root.open("a") as file:
        file["held"] = 5
        print("open", flush=True)
        sys.stdin.readline()


def duplicates(collection):
    same = {"steps": 5, "label": "second"}
    try:
        collection.add("four", same)
    except Exception as error:
        print("duplicate", type(error).__name__)
    collection.add("four", same, duplicate_action="ignore")
    # The directory goes and comes again; its data file is a new one.
    with collection.add("four", {"steps": 9}, override=True) as run:
        run.root["only"] = np.arange(2)
    print("overridden", sorted(map(str, collection["four"].root.keys())), collection["four"].parameters["steps"])
    print("dataset", isinstance(collection["four"].root["only"], Dataset))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["append", path, number]:
            append(pathlib.Path(path), int(number))
        case ["hold", path]:
            hold(pathlib.Path(path))
        case [folder]:
            main(pathlib.Path(folder))
