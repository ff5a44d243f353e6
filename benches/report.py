"""What a run has found: one dictionary, and its tables."""

import os
import platform
from statistics import median

from systems import SYSTEMS
from workloads import WORKLOADS


def results(chosen, samples, failures):
    rows = []
    for workload in chosen.workloads:
        for trip in chosen.round_trips:
            native = {sample["repetition"]: sample for sample in samples.get((workload, trip, "native"), [])}
            for system in chosen.systems:
                key = (workload, trip, system)
                row = {"workload": workload, "round_trip_ms": trip, "system": system}
                if key in failures:
                    rows.append(row | {"failure": failures[key]})
                elif key in samples:
                    rows.append(row | summary(samples[key], native))
    return {
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg(), "kernel": platform.release()},
        "repetitions": chosen.repetitions,
        "server_options": chosen.server_options,
        "rows": rows,
    }


def summary(samples, native):
    """Medians; the ratio is the median of those of pairs."""
    found = {"samples": samples}
    for name in ("seconds", "client_cpu", "server_cpu", "peak_mib", "requests", "bytes"):
        values = [sample[name] for sample in samples if name in sample]
        if values:
            found[name] = median(values)
    seconds = [sample["seconds"] for sample in samples]
    found["spread"] = [min(seconds), max(seconds)]
    ratios = [
        sample["seconds"] / native[sample["repetition"]]["seconds"]
        for sample in samples
        if sample["repetition"] in native
    ]
    if ratios:
        found["ratio"] = median(ratios)
    seen = {round(sample["seen"], 1) for sample in native.values()}
    if seen and not {round(sample["seen"], 1) for sample in samples} <= seen:
        found["differs"] = f"saw {samples[0]['seen']} where native sees {seen.pop()}"
    return found


def markdown(found):
    parts = [f"Medians of {found['repetitions']}, {found['machine']['cores']} cores; in brackets times native."]
    for trip in dict.fromkeys(row["round_trip_ms"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["round_trip_ms"] == trip]
        parts += [f"## Round trip {trip} ms" if trip else "## Direct", matrix(rows), details(rows)]
    troubles = [
        f"- {row['workload']}, {SYSTEMS[row['system']].title}, {row['round_trip_ms']} ms: {trouble}"
        for row in found["rows"]
        if (trouble := row.get("failure") or row.get("differs"))
    ]
    if troubles:
        parts += ["## What did not work", "\n".join(troubles)]
    return "\n\n".join(parts) + "\n"


def matrix(rows):
    systems = list(dict.fromkeys(row["system"] for row in rows))
    lines = [
        "| seconds | " + " | ".join(SYSTEMS[system].title for system in systems) + " |",
        "| --- |" + " ---: |" * len(systems),
    ]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        cells = {row["system"]: cell(row) for row in rows if row["workload"] == workload}
        shown = " | ".join(cells.get(system, "") for system in systems)
        lines.append(f"| {WORKLOADS[workload].title} | {shown} |")
    return "\n".join(lines)


def cell(row):
    if "seconds" not in row:
        return "–"
    ratio = f" ({row['ratio']:.2f})" if row["system"] != "native" and "ratio" in row else ""
    return f"{row['seconds']:.3g}{ratio}"


def details(rows):
    lines = [
        "| workload | system | seconds, least to most | requests | MB | client CPU s | server CPU s | peak MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        if "seconds" in row:
            least, most = row["spread"]
            lines.append(
                f"| {row['workload']} | {row['system']} | {least:.3g} to {most:.3g} | {row['requests']:.0f} "
                f"| {row['bytes'] / 1e6:.1f} | {row['client_cpu']:.2f} | {row.get('server_cpu', 0):.2f} "
                f"| {row['peak_mib']:.0f} |"
            )
    return "\n".join(lines)
