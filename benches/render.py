"""Puts a run into the README and the manual: the tables between their marks, and the picture.

    python render.py RESULTS.json CHECKOUT
"""

import json
import sys
from pathlib import Path

import picture
import report
from systems import SYSTEMS
from targets import CLIENT_BEYOND_NATIVE, TARGETS
from workloads import AGAIN, WORKLOADS

OURS = ("native", "ours", "ours-v1")
PICTURE = "![Seconds against round trip time, a panel for each workload]({}performance.svg)"


class Run:
    def __init__(self, found):
        self.found = found
        self.rows = {(row["workload"], row["round_trip_ms"], row["system"]): row for row in found["rows"]}
        self.trips = sorted({row["round_trip_ms"] for row in found["rows"]})

    def good(self, workload, trip, system):
        """Its row, if it could do it."""
        row = self.rows.get((workload, trip, system), {})
        return row if "seconds" in row and "differs" not in row else None

    def native(self, workload):
        name = workload if (workload, self.trips[0], "native") in self.rows else WORKLOADS[workload].again
        row = self.good(name, self.trips[0], "native")
        return row and row["seconds"]

    def best_peer(self, workload, trip):
        peers = [row for system in SYSTEMS if system not in OURS and (row := self.good(workload, trip, system))]
        return min(peers, key=lambda row: row["seconds"], default=None)

    def measured(self, names):
        return [name for name in names if self.native(name) and self.good(name, self.trips[0], "ours")]


def measured_on(found):
    machine, versions = found["machine"], found["versions"]
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Measured on {found['day']}: {machine['cores']} cores, load {machine['load before']:.1f} before; medians of "
        f"at most {found['repetitions']} samples. {words}; Linux {machine['kernel'].split('-')[0]}, "
        f"Python {machine['python']}."
    )


def overview(run):
    """For the README: ours, and the best of the others each time."""
    far = run.trips[1:]
    heads = ["seconds", "local file", "hdfstream", "requests", *(f"hdfstream at {trip} ms" for trip in far)]
    heads += ["best other", *(f"best other at {trip} ms" for trip in far)]
    lines = [
        "| " + " | ".join(heads) + " |",
        "| --- |" + " ---: |" * (3 + len(far)) + " --- |" * (1 + len(far)),
    ]
    for name in run.measured(TARGETS):
        if name in AGAIN and name != "open-again":
            continue
        ours = [run.good(name, trip, "ours") for trip in run.trips]
        cells = [report.seconds(run.native(name)), seconds_of(ours[0]), f"{ours[0]['requests']:.0f}"]
        cells += [seconds_of(row) for row in ours[1:]]
        cells += [peer(run, name, trip) for trip in run.trips]
        lines.append(f"| {WORKLOADS[name].title} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", measured_on(run.found), "", PICTURE.format("docs/")])


def seconds_of(row):
    return report.seconds(row["seconds"]) if row else ""


def peer(run, name, trip):
    best = run.best_peer(name, trip)
    if best:
        return f"{report.seconds(best['seconds'])} {best['system']}"
    tried = [row for system in SYSTEMS if (row := run.rows.get((name, trip, system))) and system not in OURS]
    return f"> {run.found['limit']:g}" if any(row.get("slow") for row in tried) else ""


def aims(run):
    """Each target with what was measured."""
    distances = [f"{trip} ms" if trip else "direct" for trip in run.trips]
    lines = [
        "| " + " | ".join(["workload", "native s", *distances, "requests"]) + " |",
        "| --- | ---: |" + " --- |" * (len(run.trips) + 1),
    ]
    hits = missed = 0
    for name in run.measured(TARGETS):
        limits, most = TARGETS[name]
        native = run.native(name)
        cells = []
        for trip in run.trips:
            row = run.good(name, trip, "ours")
            if trip not in limits or not row:
                cells.append("")
                continue
            hit = row["seconds"] <= limits[trip].seconds(native)
            ratio = f" ({row['ratio']:.2f} x)" if "ratio" in row and "x native" in limits[trip].words else ""
            cells.append(verdict(hit, f"{report.seconds(row['seconds'])} s{ratio}", limits[trip].words))
            hits, missed = hits + hit, missed + (not hit)
        requests = run.good(name, run.trips[0], "ours")["requests"]
        if most is None:
            cells.append(f"{requests:.0f}")
        else:
            hit = requests <= most
            cells.append(verdict(hit, f"{requests:.0f}", f"{most}"))
            hits, missed = hits + hit, missed + (not hit)
        lines.append(f"| {WORKLOADS[name].title} | {report.seconds(native)} | {' | '.join(cells)} |")
    total = f"{hits} of {hits + missed} targets are hit."
    return "\n".join([total, "", *lines, "", memory(run), "", measured_on(run.found)])


def verdict(hit, value, limit):
    return f"{value}, hit ({limit})" if hit else f"**{value}, missed** ({limit})"


def memory(run):
    """The workload in which a client holds most beyond native, and the server's peak."""
    clients, servers = [], []
    for name in run.measured(TARGETS):
        base = name if run.good(name, run.trips[0], "native") else WORKLOADS[name].again
        native = run.good(base, run.trips[0], "native")["peak_mib"]
        for trip in run.trips:
            if row := run.good(name, trip, "ours"):
                clients.append((row["peak_mib"] - native, name))
                servers.append((row["server_mib"], name))
    if not clients:
        return ""
    more, name = max(clients)
    peak, busiest = max(servers)
    hit = "hit" if more <= CLIENT_BEYOND_NATIVE else "missed"
    return (
        f"Memory: a client holds at most {more:.0f} MiB more than native ({WORKLOADS[name].title}); {hit}, "
        f"{CLIENT_BEYOND_NATIVE} MiB were allowed. The server's processes together peak at {peak:.0f} MiB "
        f"({WORKLOADS[busiest].title}), its program included."
    )


def put(path, mark, text):
    """Between `<!-- mark -->` and `<!-- end of mark -->`."""
    whole = path.read_text()
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, rest = whole.split(begin)
    _, after = rest.split(end)
    path.write_text(f"{before}{begin}{text.strip()}\n{end}{after}")


def main():
    results, checkout = Path(sys.argv[1]), Path(sys.argv[2])
    run = Run(json.loads(results.read_text()))
    put(checkout / "README.md", "speed", overview(run))
    put(checkout / "docs/performance.md", "targets", aims(run))
    put(checkout / "docs/performance.md", "picture", PICTURE.format(""))
    put(checkout / "docs/performance.md", "tables", report.markdown(run.found))
    picture.draw(run, checkout / "docs/performance.svg")


if __name__ == "__main__":
    main()
