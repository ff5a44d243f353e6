"""Serves real HDF5 files on loopback and reads them with unmodified programs, by URL.

    demo.py BUILD_DIRECTORY

Each program runs twice, on the local file without the plugin and on the remote one with it. Whatever
they print has to be the same; a difference is shown and ends the demo with status 1.
"""

import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tables

import write_files
import write_netcdf

TOOLS = Path(sys.prefix).parent
HDF5 = TOOLS / "hdf5-1.14/bin"

READ_WITH_H5PY = """\
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    print(list(file), dict(file["numbers"].attrs))
    print(file["packed"][100:103, ::60])
"""
READ_WITH_PYTABLES = """\
import sys, tables
with tables.open_file(sys.argv[1]) as file:
    print(file.root.events)
    print([row["energy"] for row in file.root.events.where("number > 995")])
"""
READ_WITH_NETCDF4 = """\
import sys, netCDF4
with netCDF4.Dataset(sys.argv[1]) as file:
    print(file.title, list(file.variables))
    print(file["temperature"][3, ::10, ::13])
"""


def python(script):
    return [sys.executable, "-c", script]


#: Program, command, file, and whether it looks for a local file first and so needs a stub.
STEPS = [
    ("h5ls", [HDF5 / "h5ls", "-r"], "mixed.h5", False),
    ("h5dump", [HDF5 / "h5dump", "-d", "/words"], "mixed.h5", False),
    ("h5py", python(READ_WITH_H5PY), "mixed.h5", False),
    ("PyTables", python(READ_WITH_PYTABLES), "events.h5", True),
    ("netCDF4", python(READ_WITH_NETCDF4), "weather.nc", True),
]


def write_events(name):
    class Event(tables.IsDescription):
        number = tables.Int32Col()
        energy = tables.Float64Col()

    with tables.open_file(name, "w") as file:
        table = file.create_table("/", "events", Event, filters=tables.Filters(complevel=5))
        table.append([(number ** 1.5, number) for number in range(1000)])


def write_all(directory):
    write_files.mixed(str(directory / "mixed.h5"))
    write_events(str(directory / "events.h5"))
    write_netcdf.weather(str(directory / "weather.nc"))


def run(command, environment=None):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(f"{show(command)} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def show(command):
    """The command as one would type it; scripts are left out."""
    words = [Path(command[0]).name]
    words += ["…" if "\n" in str(word) else str(word) for word in command[1:]]
    return " ".join(words)


def plain_environment():
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("HDF5_", "HDFSTREAM_"))}


def try_all(build, served, stubs, base):
    """Runs every step; returns the names of the programs whose output differed."""
    hdfstream = build / "hdfstream"
    environment = plain_environment()
    different = []
    for program, command, file, looks_first in STEPS:
        local, remote = str(served / file), f"{base}/{file}"
        print(f"\n{program}")
        if looks_first:
            stub = str(stubs / file)
            print(f"  $ hdfstream stub {remote} {stub}")
            run([hdfstream, "stub", remote, stub], environment)
            remote = stub
        print(f"  $ hdfstream run -- {show([*command, remote])}")
        expected = run([*command, local], environment).replace(local, "FILE")
        got = run([hdfstream, "run", "--", *command, remote], environment)
        print("".join(f"    {line}\n" for line in got.splitlines()[:12]), end="")
        difference = list(difflib.unified_diff(
            expected.splitlines(), got.replace(remote, "FILE").splitlines(), "local", "remote", lineterm=""))
        if difference:
            different.append(program)
            print("  DIFFERENT", *difference, sep="\n  ")
        else:
            print("  same as local")
    return different


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory(prefix="hdfstream-demo-") as directory:
        served, stubs = Path(directory, "data"), Path(directory, "stubs")
        served.mkdir()
        stubs.mkdir()
        write_all(served)
        command = [build / "hdfstream-server", "--root", served, "--listen", "127.0.0.1:0"]
        print(f"$ {show(command)}")
        with open(Path(directory, "server.log"), "w+") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            try:
                line = server.stdout.readline()
                print(line, end="")
                if not line.startswith("listening on "):
                    log.seek(0)
                    sys.exit(f"the server does not start\n{log.read()}")
                different = try_all(build, served, stubs, line.split()[-1])
            finally:
                server.terminate()
                server.wait(30)
    if different:
        sys.exit(f"\nnot as for local files: {', '.join(different)}")
    print("\nEvery program printed exactly what it prints for the local file.")


if __name__ == "__main__":
    main()
