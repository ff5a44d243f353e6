"""Reads all of a dataset in pieces of the wire and keeps none: `python v1_large.py URL OBJECT EXTENT...`.

Checks the framing and prints the number of bytes, of pieces of msgpack, and the sum of the last 8 bytes.
"""
import sys

import msgpack
import requests


def main(url, name, *extents):
    body = msgpack.packb({"object": name, "slice": [[0, int(extent)] for extent in extents]})
    headers = {"Content-Type": "application/x-msgpack"}
    with requests.post(url, data=body, headers=headers, stream=True) as reply:
        reply.raise_for_status()
        head = reply.raw.read(100)
        unpacker = msgpack.Unpacker()
        unpacker.feed(head)
        keys = {}
        for _ in range(unpacker.read_map_header() - 1):
            key = unpacker.unpack()
            keys[key] = unpacker.unpack()
        assert unpacker.unpack() == "data"
        bins = unpacker.read_array_header()
        rest = head[unpacker.tell() :]
        total = sum_of_all = 0

        def take(count):
            nonlocal rest
            while len(rest) < count:
                more = reply.raw.read(1 << 20)
                assert more, "the reply is too short"
                rest += more
            taken, rest = rest[:count], rest[count:]
            return taken

        for _ in range(bins):
            kind = take(1)
            size = int.from_bytes(take({b"\xc4": 1, b"\xc5": 2, b"\xc6": 4}[kind]), "big")
            left = size
            while left:
                piece = take(min(left, 1 << 20))
                left -= len(piece)
                sum_of_all += int(piece.count(b"\x07"))
            total += size
        assert not rest and not reply.raw.read(1)
        assert total == keys["nbytes"]
    print(total, bins, sum_of_all)


main(*sys.argv[1:])
