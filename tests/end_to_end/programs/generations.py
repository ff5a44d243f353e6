"""A file of numbered generations: how one is written, and how one is told whole.

    generations.py write URL SEED     goes on with the generations of a file, and says what it does
    generations.py read URL           reads it again and again, and says what it saw
    generations.py look               looks at each local file that it is told, and says what it saw
"""

import os
import random
import sys
import time

import h5py
import numpy as np

SAME = 2_000


def say(*words):
    print(*words, flush=True)


def generation_of(file):
    """The generation that the file is of; fails if it is not wholly of one."""
    generation = int(file.attrs["generation"])
    assert (file["same"][:] == generation).all(), "not all is the same"
    log = file["log"][:]
    assert len(log) == generation, f"{len(log)} entries of a log of {generation}"
    assert (log == np.arange(1, generation + 1)).all(), "entries of the log"
    blob = file["blob"]
    assert blob.attrs["generation"] == generation, "the generation of the blob"
    assert (blob[:] == generation).all(), "the blob"
    wanted = {str(n) for n in range(max(1, generation - 4), generation + 1)}
    assert set(file["runs"]) == wanted, f"{sorted(file['runs'])} at {generation}"
    assert int(file[f"runs/{generation}"].attrs["of"]) == generation, "the last run"
    return generation


def write(file, generation, chance):
    """Makes the file one of `generation`."""
    if "same" not in file:
        file.create_dataset("same", (SAME,), "i8")
        file.create_dataset("log", (0,), "i8", maxshape=(None,), chunks=(100,))
        file.create_group("runs")
    file.attrs["generation"] = generation
    file["same"][:] = generation
    log = file["log"]
    first = len(log)
    log.resize((generation,))
    log[first:] = np.arange(first + 1, generation + 1)
    if "blob" in file:
        del file["blob"]
    size = chance.choice([10, 5_000, 50_000, 400_000])
    options = chance.choice([{}, {"chunks": (4096,), "compression": "gzip"}])
    if size < 4096:
        options = {}
    blob = file.create_dataset("blob", data=np.full(size, generation, "i8"), **options)
    blob.attrs["generation"] = generation
    for old in list(file["runs"]):
        if int(old) <= generation - 5:
            del file["runs"][old]
    for missing in range(max(1, generation - 4), generation + 1):
        if str(missing) not in file["runs"]:
            file.create_group(f"runs/{missing}").attrs["of"] = missing


def open_again(url, mode, patience=90):
    """Opens the file, waiting for the lease of a writer that was killed."""
    end = time.monotonic() + patience
    while True:
        try:
            return h5py.File(url, mode)
        except OSError as error:
            if time.monotonic() > end:
                raise
            say("wait", type(error).__name__, str(error).replace("\n", " ")[:300])
            time.sleep(0.05)


def attempt(what, generation):
    """Tries a flush or close, a few times if it fails."""
    for _ in range(4):
        try:
            return what()
        except (OSError, RuntimeError) as error:
            say("failed", generation, str(error).replace("\n", " ")[:500])
            time.sleep(0.05)
    say("gave up", generation)
    # Without another attempt at the exit, as if it had been killed.
    os._exit(3)


def writer(url, seed):
    chance = random.Random(int(seed))
    file = open_again(url, "a")
    generation = generation_of(file) if "generation" in file.attrs else 0
    say("found", generation)
    while True:
        generation += 1
        say("begin", generation)
        try:
            write(file, generation, chance)
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            say("gave up", generation, str(error).replace("\n", " ")[:500])
            os._exit(3)
        end = chance.choice(["flush"] * 5 + ["close", "again"])
        if end == "flush":
            attempt(file.flush, generation)
            say("done", generation)
            continue
        attempt(file.close, generation)
        say("done", generation)
        if end == "close":
            file = open_again(url, "a")
        else:
            # Anew, in place of what is there.
            file = open_again(url, "w")


def look(name):
    try:
        with h5py.File(name, "r") as file:
            return f"whole {generation_of(file)}"
    except FileNotFoundError:
        return "missing"
    except AssertionError as error:
        return f"torn {error}"
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        text = str(error).replace("\n", " ")[:300]
        missing = "doesn't exist" in text or "can't locate" in text
        return f"torn {text}" if missing else f"error {text}"


def main():
    match sys.argv[1:]:
        case ["write", url, seed]:
            writer(url, seed)
        case ["read", url]:
            while True:
                say(look(url))
                time.sleep(0.02)
        case ["look"]:
            for line in sys.stdin:
                say(look(line.strip()))


main()
