"""Stands for a server that is not ours: says what it has said to the tests of the Python client, and nothing else.

    python v1_replay.py SOURCE_OF_THE_CLIENT

Prints its base URL. A request that was recorded gets the very bytes. Of an object that was recorded with another
depth or limit comes what was recorded nearest below; an object that came along with another, as it came. Elements
come if all of them are in some recorded slice. Of everything else there is nothing: error maps for what the protocol
has, an HTML page for other endpoints.
"""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import msgpack
import numpy as np
from v1_recordings import exchanges

MSGPACK = "application/x-msgpack"
# Longer answers have no announced length.
BUFFER = 8192


def blocks(slices):
    """Rows and the ranges of the other dimensions that a slice asks for."""
    if not slices:
        return None, ()
    starts, counts = slices[0]
    starts = [starts] if isinstance(starts, int) else starts
    counts = [counts] * len(starts) if isinstance(counts, int) else counts
    rows = np.concatenate([np.arange(start, start + count) for start, count in zip(starts, counts)])
    return rows, tuple(slice(start, start + count) for start, count in slices[1:])


class Elements:
    """What is known of a dataset."""

    def __init__(self, dataset):
        self.type = dataset["type"]
        self.values = np.zeros(dataset["shape"], self.type)
        self.known = np.zeros(dataset["shape"], bool)

    def learn(self, slices, array):
        rows, rest = blocks(slices)
        values = np.frombuffer(b"".join(array["data"]), array["type"]).reshape(array["shape"])
        self.values[(rows,) + rest] = values
        self.known[(rows,) + rest] = True

    def answer(self, slices):
        rows, rest = blocks(slices)
        if rows is None or rows.size and rows[-1] >= len(self.values) or not self.known[(rows,) + rest].all():
            return None
        values = self.values[(rows,) + rest]
        data = [values.tobytes()] if values.nbytes else []
        return dict(nd=True, type=self.type, kind="", shape=list(values.shape), nbytes=values.nbytes, data=data)


class Recorded:
    """All that the recordings hold, by virtual path."""

    def __init__(self, source):
        self.paths = {}  # what is at a path, as bytes
        self.directories = set()
        self.verbatim = {}  # path, parameters -> bytes
        self.objects = {}  # path, object -> [(depth, decoded)]
        self.elements = {}  # path, object -> Elements
        found = [one for one in exchanges(source) if one.endpoint == "msgpack" and one.status == 200]
        for one in found:
            path, parameters = one.virtual_path, one.parameters
            self.verbatim[path, repr(sorted(parameters.items()))] = one.answer
            if not parameters:
                self.paths[path] = one.answer
                if one.decoded["type"] == "directory":
                    self.directories.add(path)
            elif "slice" not in parameters:
                self.visit(path, parameters["object"], parameters["max_depth"], one.decoded)
        for one in found:
            if "slice" in one.parameters:
                name = one.parameters["object"]
                _, dataset = self.objects[one.virtual_path, name][0]
                elements = self.elements.setdefault((one.virtual_path, name), Elements(dataset))
                elements.learn(one.parameters["slice"], one.decoded)

    def visit(self, path, name, depth, node):
        if node is None:
            return
        self.objects.setdefault((path, name), []).append((depth, node))
        for member, below in node.get("members", {}).items():
            self.visit(path, f"{name.rstrip('/')}/{member}", depth - 1, below)

    def answer(self, path, parameters):
        """Status and body."""
        exact = self.verbatim.get((path, repr(sorted(parameters.items()))))
        if exact is not None:
            return 200, exact
        if path not in self.paths:
            return 404, msgpack.packb({"error": f"Invalid path specified: {path}"})
        # Of directories nothing else is looked at.
        if "object" not in parameters or path in self.directories:
            return 200, self.paths[path]
        found = None
        key = path, "/" + parameters["object"].strip("/")
        if "slice" in parameters:
            elements = self.elements.get(key)
            found = elements and elements.answer(parameters["slice"])
        else:
            wanted = parameters.get("max_depth", 0)
            # The deepest that is not too deep; otherwise the least deep.
            nearness = lambda one: (one[0] <= wanted, one[0] if one[0] <= wanted else -one[0])
            found = max(self.objects.get(key, []), key=nearness, default=(0, None))[1]
        if found is None:
            return 404, msgpack.packb({"error": "Unable to read data stream"})
        return 200, msgpack.packb(found)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet.
    wbufsize = -1
    recorded = None

    def do_GET(self):
        self.respond({})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(body)

    def respond(self, body):
        path = unquote(urlsplit(self.path).path)
        base, endpoint, rest = path.partition("/hdfstream/msgpack")
        if base or not endpoint or rest and not rest.startswith("/"):
            page = b"<!doctype html><title>HTTP Status 404 - Not Found</title>"
            return self.send(404, "text/html;charset=ISO-8859-1", page)
        parameters = msgpack.unpackb(body) if body else {}
        self.send(*self.msgpack(rest.strip("/"), parameters))

    def msgpack(self, path, parameters):
        status, body = self.recorded.answer(path, parameters)
        return status, MSGPACK, body

    def send(self, status, media_type, body):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        if len(body) <= BUFFER:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(body), BUFFER):
            piece = body[start : start + BUFFER]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def main(source):
    Handler.recorded = Recorded(source)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}/hdfstream", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
