"""What the tests of the Python client have recorded of a server that is not ours."""
import gzip
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgpack


class Exchange(NamedTuple):
    method: str
    path: str  # below the base, as it was sent
    headers: dict
    body: bytes
    status: int
    media_type: str
    answer: bytes

    @property
    def endpoint(self):
        return self._parts[0]

    @property
    def virtual_path(self):
        return self._parts[2].strip("/")

    @property
    def _parts(self):
        return unquote(urlsplit(self.path).path).partition("/")

    @property
    def parameters(self):
        return msgpack.unpackb(self.body) if self.body else {}

    @property
    def decoded(self):
        return msgpack.unpackb(self.answer, strict_map_key=False)


def as_bytes(text):
    return text.encode("latin1") if isinstance(text, str) else text or b""


def exchanges(source):
    """The distinct ones, below the source of the client."""
    seen = set()
    for tape in sorted((Path(source) / "tests" / "cassettes").glob("*/*.msgpack.gz")):
        for item in msgpack.unpackb(gzip.decompress(tape.read_bytes()))["interactions"]:
            request, response = item["request"], item["response"]
            path = request["uri"].split("/hdfstream/", 1)[1]
            body = as_bytes(request["body"])
            if (request["method"], path, body) in seen:
                continue
            seen.add((request["method"], path, body))
            headers = {k: v[0] if isinstance(v, list) else v for k, v in request["headers"].items()}
            types = [v for k, v in response["headers"].items() if k.lower() == "content-type"]
            media_type = types[0][0] if isinstance(types[0], list) else types[0]
            answer = as_bytes(response["body"]["string"])
            yield Exchange(request["method"], path, headers, body, response["status"]["code"], media_type, answer)
