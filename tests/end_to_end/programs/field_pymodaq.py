"""PyMoDAQ's HDF5 backends, with h5py and with PyTables: field_pymodaq.py DIRECTORY

What it prints does not depend on where the directory is.
"""

import os
import pathlib
import subprocess
import sys

import numpy as np


def keep_out(event, arguments):
    if event == "os.mkdir" and str(arguments[0]).startswith("/etc/"):
        raise PermissionError("tests leave the machine as it is")


# As root the package would keep its settings in /etc; otherwise it keeps them at home.
sys.addaudithook(keep_out)

from pymodaq_data.data import Axis, DataCalculated, DataWithAxes
from pymodaq_data.h5modules.backends import GROUP, GroupType, H5Backend, NodeError
from pymodaq_data.h5modules.data_saving import DataSaverLoader
from pymodaq_data.h5modules.saving import H5SaverLowLevel
from pymodaq_data.h5modules.swmr import collect_datasets, refresh_cached


def main(folder):
    for backend in ("h5py", "tables"):
        print("----", backend)
        name = folder / f"{backend}.h5"
        write(backend, name)
        read(backend, name)
        change(backend, name)
        existing_files_stay(backend, folder / f"{backend} saver.h5")
        data_objects(backend, folder / f"{backend} data.h5")
    save_as(folder)
    print("----", "swmr")
    swmr(folder / "swmr.h5")
    print("files", sorted(path.name for path in folder.glob("*.h5")))


def write(backend, name):
    h5 = H5Backend(backend)
    h5.define_compression("gzip", 3)
    h5.open_file(name, "w", "a title")
    print("open", h5.isopen(), h5.filename == str(name), h5.root().attrs["TITLE"])
    detector = h5.add_group("detector 0", GroupType.detector, "/", "the detector", metadata={"gain": 3, "who": "x"})
    channel = h5.get_set_group(detector, "channel", "a channel", unit="V")
    print("groups", detector.path, channel.path, h5.is_node_in_group("/", "DETECTOR 0"))
    array = h5.create_carray(channel, "image", np.arange(20_000.0).reshape(100, 200), "an image")
    array.attrs["axis"] = {"label": "x", "values": [1, 2, 3]}
    growing = h5.create_earray(channel, "growing", "float64", (3,), "rows")
    for row in range(5):
        growing.append(np.full(3, row, "float64"))
    growing.append(np.arange(6.0).reshape(2, 3), expand=False)
    scalar = h5.create_earray("/", "times", "int64", title="times")
    for number in range(4):
        scalar.append(np.array([number]))
    ragged = h5.create_vlarray(channel, "ragged", "int32", "ragged")
    for number in range(4):
        ragged.append(np.arange(number + 1, dtype="int32"))
    texts = h5.create_vlarray("/", "log", "string", "log")
    for text in ("first line", "zweite Zeile: äöü", ""):
        texts.append(text)
    h5.flush()
    print("written", growing.attrs["shape"], ragged.attrs["shape"], texts.read())
    h5.close_file()
    print("closed", h5.isopen())


def read(backend, name):
    h5 = H5Backend(backend)
    h5.open_file(name, "r")
    print("walk", [f"{node.path} {type(node).__name__}" for node in h5.walk_nodes("/")])
    print("groups", [node.path for node in h5.walk_groups("/")], [n.path for n in h5.walk_nodes("/", depth=1)])
    channel = h5.get_node("/Detector 0/channel")
    print("children", channel.children_name(), [str(child) for _, child in sorted(channel.children().items())])
    image = channel.get_child("image")
    print("image", image.read().sum(), image[3, 5:8].tolist(), image.attrs["axis"], image.attrs["shape"], len(image))
    print("growing", h5.get_node("/Detector 0/channel", "growing").read().tolist())
    print("times", h5.get_node("/times").read().ravel().tolist())
    print("ragged", [row.tolist() for row in channel.get_child("ragged").read()])
    print("texts", h5.get_node("/log").read(), h5.get_node("/log")[1])
    attributes = h5.get_node("/Detector 0").attrs
    print("attributes", {key: attributes[key] for key in sorted(attributes.attrs_name) if key in ("gain", "who", "type")})
    print("has", h5.has_attr("/times", "shape"), h5.has_attr("/times", "absent"))
    print("parent", h5.get_parent_node(image).path, h5.get_node_name(image), h5.get_node_path(image))
    try:
        h5.get_node("/absent")
    except NodeError:
        print("absent", "NodeError")
    h5.close_file()


def change(backend, name):
    h5 = H5Backend(backend)
    h5.open_file(name, "a")
    channel = h5.get_node("/Detector 0/channel")
    channel.get_child("growing").append(np.full(3, -1.0))
    channel.get_child("ragged").append(np.array([9, 9], "int32"))
    h5.get_node("/log").append("more")
    channel.get_child("image")[0, :5] = 7
    channel.attrs["unit"] = "mV"
    h5.add_group("spare", "data", "/")
    h5.get_set_group("/Spare", "below")
    h5.get_node("/Spare").remove_children()
    h5.close_file()
    h5.open_file(name, "r")
    channel = h5.get_node("/Detector 0/channel")
    print("appended", channel.get_child("growing").read()[-1].tolist(), channel.get_child("growing").attrs["shape"])
    print("appended", channel.get_child("ragged")[4].tolist(), h5.get_node("/log").read()[-1])
    print("changed", channel.get_child("image")[0, 3:7].tolist(), channel.attrs["unit"], type(h5.get_node("/Spare")) is GROUP,
          h5.get_node("/Spare").children_name())
    h5.close_file()


def existing_files_stay(backend, name):
    """The saver looks for a file on the disk, and makes a new one when it sees none."""
    saver = H5SaverLowLevel(backend=backend)
    saver.init_file(name, metadata={"run": 1})
    saver.create_carray(saver.raw_group, "first", np.arange(5))
    saver.close_file()
    saver = H5SaverLowLevel(backend=backend)
    saver.init_file(name, metadata={"run": 2})
    print("kept", saver.raw_group.children_name(), saver.raw_group.attrs["run"])
    saver.create_carray(saver.raw_group, "second", np.arange(6))
    saver.close_file()
    saver.init_file(name, mode="r")
    print("kept", saver.raw_group.children_name())
    saver.close_file()
    # Whether it can be used for SWMR is looked up in the file, which is made anew if it cannot.
    if backend == "h5py":
        fresh = name.with_name("compatible.h5")
        saver.init_file(fresh, swmr_mode=True)
        saver.create_carray(saver.raw_group, "first", np.arange(5))
        saver.close_file()
        saver.init_file(fresh, swmr_mode=True)
        print("compatible", saver.raw_group.children_name(), saver.is_swmr_compatible)
        saver.close_file()
    saver.init_file(name, new_file=True)
    print("new", saver.raw_group.children_name())
    saver.close_file()


def data_objects(backend, name):
    """Data with axes, as the instruments of PyMoDAQ save them."""
    saver = H5SaverLowLevel(backend=backend)
    saver.init_file(name, new_file=True)
    data = DataWithAxes("signal", source="raw", data=[np.arange(60.0).reshape(6, 10), np.ones((6, 10))],
                        labels=["a", "b"], units="mV", nav_indexes=(0,),
                        axes=[Axis("x", "mm", np.linspace(0, 1, 6), 0), Axis("t", "s", np.arange(10.0), 1)])
    with DataSaverLoader(saver) as save:
        group = saver.add_group("Detector000", GroupType.detector, saver.raw_group)
        save.add_data(group, data)
    saver.close_file()
    saver.init_file(name, mode="r")
    with DataSaverLoader(saver) as load:
        node = next(node for node in saver.walk_nodes("/RawData/Detector000") if "Data00" in node.path)
        found = load.load_data(node, load_all=True)
    print("data", found.name, found.shape, found.labels, found.units, found.nav_indexes, found == data)
    print("axes", [(axis.label, axis.units, axis.get_data().tolist()) for axis in found.axes])
    saver.close_file()
    print("calculated", DataCalculated("c", data=[np.zeros(2)]).shape)


def save_as(folder):
    h5 = H5Backend("tables")
    h5.open_file(folder / "tables.h5", "r")
    h5.save_file_as(folder / "copy.h5")
    h5.close_file()
    h5 = H5Backend("h5py")
    h5.open_file(folder / "copy.h5", "r")
    print("copy", sorted(h5.root().children_name()), h5.get_node("/Detector 0/channel/image")[0, :3].tolist())
    try:
        h5.save_file_as(folder / "another.h5")
    except Warning:
        print("copy", "not with h5py")
    h5.close_file()


def swmr(name):
    """A writer, and a reader in another process that follows it."""
    saver = H5SaverLowLevel(backend="h5py")
    saver.init_file(name, new_file=True, swmr_mode=True)
    saver.set_swmr_flush_interval(1)
    data = saver.create_earray(saver.raw_group, "data", "float64", (4,))
    ragged = saver.create_vlarray(saver.raw_group, "ragged", "int32")
    saver.enable_swmr()
    print("active", saver.is_swmr_active, saver.is_swmr_compatible)
    reader = subprocess.Popen([sys.executable, __file__, "follow", str(name)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    say = lambda text: (reader.stdin.write(text + "\n"), reader.stdin.flush(), print(reader.stdout.readline(), end=""))
    say("open")
    for row in range(6):
        data.append(np.full(4, row, "float64"))
        ragged.append(np.arange(row, dtype="int32"))
        saver.tick_flush()
        say("look")
    say("close")
    print("reader", reader.wait(60))
    saver.finalize_swmr()
    saver.init_file(name, mode="r")
    print("final", saver.get_node("/RawData/data").attrs["shape"], saver.get_node("/RawData/data").read()[-1].tolist())
    print("final", [row.tolist() for row in saver.get_node("/RawData/ragged").read()])
    saver.close_file()


def follow(name):
    h5 = H5Backend("h5py")
    for line in sys.stdin:
        if line == "open\n":
            file = h5.open_file(name, "r", swmr_mode=True)
            cache = collect_datasets(file["RawData"])
            print("reader sees", sorted(cache), file.swmr_mode, bool(file.attrs["swmr_active"]), flush=True)
        elif line == "look\n":
            refresh_cached(cache)
            # h5py keeps the shape that an object once had, so this asks below it, and by new objects.
            rows, ragged = (cache[f"/RawData/{name}"].id.shape for name in ("data", "ragged"))
            values = file["RawData/data"][-1].tolist(), file["RawData/ragged"][-1].tolist()
            print("reader sees", rows, ragged, values, flush=True)
        else:
            h5.close_file()
            print("reader closes", flush=True)
            return


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["follow", name]:
            follow(name)
        case [folder]:
            main(pathlib.Path(folder))
