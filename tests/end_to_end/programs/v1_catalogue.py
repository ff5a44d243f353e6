"""What the Python client and downloads find of a list of files: `python v1_catalogue.py SERVER`."""
import io
import sys
import tarfile

import hdfstream
import msgpack
import requests


def fails(url, **arguments):
    status = requests.request(url=url, **arguments).status_code
    assert status == 404, (url, status)


def main(server):
    root = hdfstream.open(server, "/")
    assert set(root) == {"runs"} and root.size == 1234 + 10 + 4 + 20 + 100
    runs = root["runs"]
    assert set(runs.files) == {"snap.hdf5", "2.h5", "raw.dat", "gone.h5"} and set(runs.directories) == {"shut"}
    snap = runs["snap.hdf5"]
    # As listed, not as on the disk.
    assert (snap.size, snap.last_modified, snap.media_type) == (1234, 99000, "application/x-hdf5")
    assert snap["x"][99999] == 99999
    with runs["shut/notes.txt"].open() as notes:
        assert notes.read() == "listed\n"

    post = lambda path: requests.post(
        f"{server}/msgpack/{path}", data=b"\x80", headers={"Content-Type": "application/x-msgpack"}
    )
    listing = msgpack.unpackb(post("runs").content)
    assert listing["description"] == "All *runs*"
    assert listing["labels"] == {"snap.hdf5": "the first", "shut": "a secret"}
    assert list(listing["files"]) == sorted(listing["files"])

    for path in ("store", "store/deep/1.h5", "runs/gone.h5", "runs/3.h5", "list.csv", "words", "runs/deep"):
        fails(f"{server}/download/{path}", method="GET")
        assert post(path).status_code == 404, path
    notes = requests.get(f"{server}/download/runs/shut/notes.txt")
    assert notes.text == "listed\n" and notes.headers["Content-Type"] == "text/plain;charset=UTF-8"
    # A file that is not there would be missing in the archive; the other directory is whole.
    fails(f"{server}/download/runs", method="GET")
    archive = requests.get(f"{server}/download/runs/shut").content
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["runs/shut/notes.txt"]
        assert tar.extractfile("runs/shut/notes.txt").read() == b"listed\n"


main(*sys.argv[1:])
