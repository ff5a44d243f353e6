"""Sends to a server every request that the client's tests have recorded, and compares the answers.

    python v1_recorded.py SOURCE_OF_THE_CLIENT SERVER

Members of groups and directories are maps without an order; all else must be equal byte for byte. Prints one
line a distinct exchange: same, unordered or DIFFERENT.
"""
import sys
import urllib.error
import urllib.request

import msgpack
from v1_recordings import exchanges


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


def answer(server, exchange):
    kept = ("content-type", "authorization")
    headers = {k: v for k, v in exchange.headers.items() if k.lower() in kept}
    url, body = f"{server}/{exchange.path}", exchange.body or None
    request = urllib.request.Request(url, data=body, method=exchange.method, headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def main(source, server):
    for exchange in exchanges(source):
        status, media, body = answer(server, exchange)
        if (status, media) != (exchange.status, exchange.media_type):
            verdict = f"DIFFERENT: {status} {media}"
        elif body == exchange.answer:
            verdict = "same"
        elif unordered(decoded(body)) == unordered(exchange.decoded):
            verdict = "unordered"
        else:
            verdict = f"DIFFERENT: {body[:300]!r} instead of {exchange.answer[:300]!r}"
        print(verdict, exchange.method, exchange.path, exchange.body)


main(*sys.argv[1:])
