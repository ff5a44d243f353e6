"""Read every file below a directory, with h5py and with h5dump: check_files.py DIRECTORY H5DUMP

Prints a line for each that cannot be read, and how many can.
"""

import concurrent.futures
import pathlib
import subprocess
import sys

import h5py


# Some tests make datasets of which hardly anything is there.
LARGE = 4 << 20


def walk(path):
    """Open every object, read elements and attributes; tells whether all of them were read."""
    all_read = True

    def visit(_, thing):
        nonlocal all_read
        for name in thing.attrs:
            unless_numpy_cannot(lambda: thing.attrs[name])
        if isinstance(thing, h5py.Dataset) and thing.size:
            if thing.size * thing.dtype.itemsize <= LARGE:
                unless_numpy_cannot(lambda: thing[()])
            else:
                all_read = False
                first, last = (0,) * thing.ndim, tuple(length - 1 for length in thing.shape)
                unless_numpy_cannot(lambda: (thing[first], thing[last]))

    with h5py.File(path) as file:
        visit("/", file)
        try:
            file.visititems(visit)
        except RuntimeError as error:
            # HDF5's tests of its interface make such a link on purpose.
            if "bad version number for external link" not in str(error):
                raise
            all_read = False
    return all_read


def unless_numpy_cannot(read):
    try:
        read()
    except (TypeError, OSError) as error:
        # The second are types to which HDF5 itself converts nothing.
        if not any(text in str(error) for text in ("NumPy equivalent", "no appropriate function for conversion path")):
            raise


def check(path, h5dump):
    try:
        options = [] if walk(path) else ["--header"]
    except Exception as error:
        return f"{path} h5py: {type(error).__name__} {error}"
    trouble = dump(h5dump, options, path)
    if "is not registered" in trouble:
        # A filter that h5py alone has.
        trouble = dump(h5dump, ["--header"], path)
    if "bad version" in trouble:
        # Of a format newer than h5dump: h5py, which wrote it, has read it.
        trouble = ""
    return f"{path} h5dump: {trouble[-300:]!r}" if trouble else None


def dump(h5dump, options, path):
    command = [h5dump, "--enable-error-stack", *options, path]
    dumped = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return dumped.stderr.decode(errors="replace") if dumped.returncode else ""


def main(folder, h5dump):
    own = ".hdfstream-ended"
    paths = [path for path in pathlib.Path(folder).rglob("*") if not path.is_dir() and path.name != own]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(lambda path: check(path, h5dump), paths) if text]
    for text in wrong:
        print(text)
    print("valid", len(paths) - len(wrong))


main(*sys.argv[1:])
