"""Seconds against round trip time, a panel for each workload: an SVG that follows the reader's light or dark."""

import io
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from systems import SYSTEMS
from workloads import AGAIN, WORKLOADS

# Stands in for the reader's own colour of text.
INK = "#123456"
STYLE = """<style>
:root { --ink: #1f2328 }
@media (prefers-color-scheme: dark) { :root { --ink: #d1d7e0 } }
</style>"""
# Distinct on white and on black, and to most of the colour-blind.
COLOURS = {
    "native": INK,
    "ours": "#e0552b",
    "hdfstream": "#2f9e6e",
    "ros3": "#3b82d0",
    "fsspec": "#b58900",
    "remfile": "#9b6dd7",
    "pyfive": "#d16ba5",
    "h5coro": "#2aa5b5",
    "h5pyd": "#8a8f98",
}
COLUMNS = 4


def draw(run, path):
    names = [
        name
        for name in run.measured(WORKLOADS)
        if not WORKLOADS[name].near and not WORKLOADS[name].writes and (name not in AGAIN or name == "open-again")
    ]
    systems = [name for name in COLOURS if any(name == row["system"] for row in run.found["rows"])]
    lines = -(-len(names) // COLUMNS) or 1
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "hdfstream",
        "font.family": "sans-serif",
        "font.size": 8,
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
    }
    with plt.rc_context(settings):
        size = (9.6, 1.9 * lines + 0.6)
        figure, axes = plt.subplots(lines, COLUMNS, figsize=size, squeeze=False, layout="constrained")
        for axis in axes.flat[len(names) :]:
            axis.set_visible(False)
        for axis, name in zip(axes.flat, names, strict=False):
            panel(axis, run, name, systems)
        handles = [plt.Line2D([], [], **look(system)) for system in systems]
        labels = [SYSTEMS[system].title for system in systems]
        figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    path.write_text(adapt(text.getvalue()))


def look(system):
    ours = system == "ours"
    return {
        "color": COLOURS[system],
        "linewidth": 2.4 if ours else 1.1,
        "linestyle": ":" if system == "native" else "-",
        "marker": "" if system == "native" else "o",
        "markersize": 4 if ours else 2.5,
        "zorder": 3 if ours else 2,
    }


def panel(axis, run, name, systems):
    limit = run.found["limit"]
    for system in systems:
        if system == "native":
            axis.plot([run.trips[0], run.trips[-1]], [run.native(name)] * 2, **look(system))
            continue
        points = [(trip, row["seconds"]) for trip in run.trips if (row := run.good(name, trip, system))]
        if points:
            axis.plot(*zip(*points, strict=True), **look(system))
        # Where it was stopped.
        slow = [trip for trip in run.trips if run.rows.get((name, trip, system), {}).get("slow")]
        if slow:
            if points:
                (trip, took) = points[-1]
                axis.plot([trip, slow[0]], [took, limit], **look(system) | {"linestyle": "--", "marker": ""})
            axis.plot(slow[0], limit, **look(system) | {"marker": "^", "markersize": 4, "linestyle": ""})
    axis.set_title(WORKLOADS[name].title, fontsize=8)
    axis.set_yscale("log")
    axis.set_xticks(run.trips, [f"{trip} ms" for trip in run.trips])
    axis.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g} s"))
    axis.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axis.minorticks_off()
    axis.grid(axis="y", color=INK, alpha=0.15, linewidth=0.5)


def adapt(svg):
    svg = svg.replace(INK, "var(--ink)")
    return re.sub(r"(<svg [^>]*>)", lambda found: f"{found[1]}\n{STYLE}", svg, count=1)
