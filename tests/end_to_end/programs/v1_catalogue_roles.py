"""What a user finds of a list with a directory for some: `v1_catalogue_roles.py SERVER USER PASSWORD yes|no`."""
import sys

import msgpack
import requests


def main(server, user, password, sees):
    sees, login = sees == "yes", (user, password) if user else None
    headers = {"Content-Type": "application/x-msgpack"}
    runs = requests.post(f"{server}/msgpack/runs", data=b"\x80", headers=headers, auth=login)
    listing = msgpack.unpackb(runs.content)
    assert ("shut" in listing["directories"]) == sees, listing
    assert ("shut" in listing["labels"]) == sees and "snap.hdf5" in listing["labels"], listing
    assert listing["size"] == 1234 + 10 + 4 + 100 + (20 if sees else 0), listing
    for endpoint in ("msgpack", "download"):
        for path in ("runs/shut", "runs/shut/notes.txt"):
            status = requests.get(f"{server}/{endpoint}/{path}", auth=login).status_code
            assert status == (200 if sees else 404), (endpoint, path, status)
    for endpoint in ("stat", "list", "open"):
        body = msgpack.packb({"path": "runs/shut" if endpoint == "list" else "runs/shut/notes.txt"})
        reply = requests.post(f"{server}/v2/{endpoint}", data=body, headers=headers, auth=login)
        assert (reply.status_code == 200) == sees, (endpoint, reply.status_code, reply.content)


main(*sys.argv[1:])
