#!/usr/bin/env python3
"""Write the corpus: small HDF5 files which together use everything the format offers.

    $TOOLS/python/bin/python tests/corpus/generate.py OUTDIR [NAME...]

Tests read each file locally and remotely and compare. OUTDIR/manifest.json lists the files; see
`registry.Entry` for its fields. Nothing is done when OUTDIR was made by these very sources with the
same libraries. Each run writes the same content; only the times of creation that HDF5 keeps for some
objects differ. With NAMEs only those files are (re)written, and OUTDIR is left unmarked: a help when
writing new ones.
"""

import fcntl
import hashlib
import importlib
import json
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

#: Each of these registers its files when imported.
MODULES = ["datatypes", "types_text", "types_nested", "layouts", "virtual", "filters", "links",
           "spaces", "attributes", "names", "formats", "storage", "programs", "larger"]
#: Sources that do not shape the files.
OTHERS = {"walk.py"}


def fingerprint():
    """A hash of all that decides what is written."""
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.py")):
        if source.name not in OTHERS and not source.name.startswith("walk_"):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    for package in ("h5py", "tables", "netCDF4", "h5netcdf", "xarray", "pandas", "numpy", "hdf5plugin"):
        digest.update(f"{package}={version(package)}\n".encode())
    return digest.hexdigest()


def write_all(directory, entries):
    """Write the entries' files and the manifest into `directory`."""
    os.chdir(directory)
    for entry in entries:
        started = time.monotonic()
        os.makedirs(os.path.dirname(entry.file) or ".", exist_ok=True)
        entry.write(entry.file)
        taken = time.monotonic() - started
        if taken > 1:
            print(f"{entry.file}: {taken:.1f} s", file=sys.stderr)


def write_manifest(entries):
    described = [entry.describe() for entry in sorted(entries, key=lambda entry: entry.file)]
    Path("manifest.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")


def replace(directory, fresh):
    """Put `fresh` in the place of `directory`, which may hold an older corpus and nothing else."""
    if directory.exists():
        if any(directory.iterdir()) and not (directory / "manifest.json").exists():
            sys.exit(f"{directory} is no corpus; give an empty or a new directory")
        shutil.rmtree(directory)
    fresh.rename(directory)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    directory = Path(arguments[0]).absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    mark = directory / ".complete"
    with open(directory.parent / f".{directory.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if len(arguments) == 1 and mark.exists() and mark.read_text() == fingerprint():
            return
        for module in MODULES:
            importlib.import_module(module)
        from registry import ENTRIES

        if len(arguments) > 1:
            directory.mkdir(exist_ok=True)
            mark.unlink(missing_ok=True)
            write_all(directory, [entry for entry in ENTRIES if entry.file in arguments[1:]])
            write_manifest(ENTRIES)
            return
        fresh = directory.parent / f".{directory.name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        write_all(fresh, ENTRIES)
        write_manifest(ENTRIES)
        (fresh / ".complete").write_text(fingerprint())
        os.chdir("/")
        replace(directory, fresh)


if __name__ == "__main__":
    main(sys.argv[1:])
