"""Sends to a server every request that the client's tests have recorded, and compares the answers.

    python v1_recorded.py SOURCE_OF_THE_CLIENT SERVER

Members of groups and directories are maps without an order; all else must be equal byte for byte. Prints one
line a distinct exchange: same, unordered or DIFFERENT.
"""
import gzip
import sys
import urllib.error
import urllib.request
from pathlib import Path

import msgpack


def as_bytes(text):
    return text.encode("latin1") if isinstance(text, str) else text or b""


def decoded(body):
    return msgpack.unpackb(body, strict_map_key=False)


def unordered(value):
    """The value with what has no order put into one."""
    if not isinstance(value, dict):
        return value
    pairs = []
    for key, below in value.items():
        below = unordered(below)
        if key in ("members", "files", "directories") and isinstance(below, list):
            below = sorted(below, key=str)
        pairs.append((key, below))
    return pairs


def answer(server, method, path, body, headers):
    kept = ("content-type", "authorization")
    headers = {k: v[0] if isinstance(v, list) else v for k, v in headers.items() if k.lower() in kept}
    request = urllib.request.Request(f"{server}/{path}", data=body or None, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def main(source, server):
    seen = set()
    for tape in sorted((Path(source) / "tests" / "cassettes").glob("*/*.msgpack.gz")):
        for item in msgpack.unpackb(gzip.decompress(tape.read_bytes()))["interactions"]:
            request, response = item["request"], item["response"]
            path = request["uri"].split("/hdfstream/", 1)[1]
            exchange = request["method"], path, as_bytes(request["body"])
            if exchange in seen:
                continue
            seen.add(exchange)
            status, media, body = answer(server, *exchange, request["headers"])
            recorded = as_bytes(response["body"]["string"])
            types = [v for k, v in response["headers"].items() if k.lower() == "content-type"]
            recorded_type = types[0][0] if isinstance(types[0], list) else types[0]
            if status != response["status"]["code"] or media != recorded_type:
                verdict = f"DIFFERENT: {status} {media}"
            elif body == recorded:
                verdict = "same"
            elif unordered(decoded(body)) == unordered(decoded(recorded)):
                verdict = "unordered"
            else:
                verdict = f"DIFFERENT: {body[:300]!r} instead of {recorded[:300]!r}"
            print(verdict, *exchange)


main(*sys.argv[1:])
