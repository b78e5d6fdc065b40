"""Runs every benchmark and writes what was seen, with the machine, to ``build/benchmarks.md``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from core.training.speed import processor
from tests.benchmarks.experiment import experiment_rows
from tests.benchmarks.recipes import recipe_rows
from tests.benchmarks.scale import SIZES
from tests.benchmarks.speed import speed_lines
from tests.benchmarks.watchers import LEAST_SHARE_KEPT, MOST_LATE_S
from tests.serving import ROOT

REPORT = ROOT / "build" / "benchmarks.md"
REUSE = "--reuse"


def measured(module: str) -> dict[str, Any]:
    """Run one benchmark in a process of its own, keep its figures in ``build`` and return them.

    With ``--reuse``, figures that are there are taken as they are: all of them take two hours.
    """
    kept = REPORT.with_name(f"{module.rpartition('.')[2]}.json")
    if REUSE in sys.argv and kept.is_file():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    print(f"{module} …", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True
    )
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(figures), encoding="utf-8")
    return figures


def click_rows(what: str, clicks: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows on clicks beside some work, which has to have gone on until the last of them."""
    seen = f"{clicks['median_s']:.2f} s" + ("" if clicks["went_on"] else ", but the work had ended")
    return [
        (f"{what}, median of {clicks['clicks']}", "at most 0.5 s", seen),
        ("The same, 95th percentile", "at most 2 s", f"{clicks['p95_s']:.2f} s"),
    ]


def scale_rows(scale: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows on many photos."""
    each = [f"{1000 * seconds:.2f}" for seconds in scale["seconds_an_image"]]
    sizes = [f"{size:,}" for size in SIZES]
    return [
        (f"A head on {sizes[2]} photos of 96 px: the server's memory at most", "less than 3 GB",
         f"{scale['peak_bytes'] / 1e9:.2f} GB"),
        (f"Time a photo from {sizes[1]} to {sizes[2]} photos, against {sizes[0]} to {sizes[1]}",
         "0.85 to 1.15", f"{scale['ratio']:.2f} ({each[1]} and {each[0]} ms)"),
    ]


def steering_rows(
    steering: dict[str, Any], kills: dict[str, Any], queue: dict[str, Any], watchers: dict[str, Any]
) -> list[tuple[str, str, str]]:
    """Return the rows on pausing, killing, waiting and watching."""
    seconds = steering["seconds"].items()
    asked = [each for said, found in seconds if not said.startswith("SIG") for each in found]
    rows = [
        (f"Pause and stop while it decodes, extracts, learns, validates: the longest of {len(asked)}",
         "at most 2 s", f"{steering['longest_s']:.2f} s, median {statistics.median(asked):.2f} s"),
        ("SIGTERM or Ctrl-C to the server's end while it trains, the longest", "at most 5 s",
         f"{steering['longest_close_s']:.2f} s"),
        (f"Trainings killed at {kills['kills']} random moments and resumed: the same history to 1e-6",
         f"{kills['kills']} of {kills['kills']}",
         f"{kills['same']} of {kills['kills']}, largest difference {kills['largest_difference']:g}"),
        (f"{queue['runs']} people press Start at once", "all finish, in order",
         f"{queue['finished']} finished, {'in order' if queue['in_order'] else 'not in order'}"),
    ]
    for name, case in watchers["cases"].items():
        late = case["late_s"]
        rows += [
            (f"{watchers['watchers']} browsers watch a run ({name}): speed that is left",
             f"at least {LEAST_SHARE_KEPT}", f"{case['speed_kept']:.2f}"),
            ("The longest that one of them sees a change late", f"at most {MOST_LATE_S:g} s",
             f"{late['longest']:.2f} s, median {late['median']:.2f} s"),
        ]
    return rows


def latency_rows(latency: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows on a model that a program asks over HTTP."""
    median = latency["median_ms"]
    return [
        (f"A photo of {latency['photo_bytes'] / 1000:.0f} kB over HTTP ({latency['backbone']}), against the "
         f"bare call of the model, medians of {latency['calls']}", f"at most {latency['goal']:g}",
         f"{latency['ratio_to_bare']:.2f} ({median['request']:.1f} and {median['bare']:.1f} ms)"),
        ("The same against decoding the photo and the call", "(reported)",
         f"{latency['ratio_to_decode_and_bare']:.2f} ({median['decode_and_bare']:.1f} ms)"),
    ]


def estimate_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of what was predicted before a training, and what it then took."""
    head = "| Backbone | What learns | Photos | Time predicted | Time taken | Ratio | Memory predicted | " \
        "Memory taken | Ratio |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        times, memories = row["predicted_seconds"], row["predicted_peak_bytes"]
        lines.append(
            f"| {row['backbone']} | {row['learns']} | {row['photos']} | {times:.0f} s | "
            f"{row['seconds']:.0f} s | {times / row['seconds']:.2f} | {memories / 1e9:.2f} GB | "
            f"{row['peak_bytes'] / 1e9:.2f} GB | {memories / row['peak_bytes']:.2f} |"
        )
    return lines


def table() -> str:
    """Measure everything and return the Markdown."""
    pages = measured("tests.benchmarks.pages")
    upload = measured("tests.benchmarks.upload")
    intake = measured("tests.benchmarks.bench_intake")
    accuracy = measured("tests.benchmarks.accuracy")
    estimates = measured("tests.benchmarks.estimates")["rows"]
    memory = measured("tests.benchmarks.memory")
    stopping = measured("tests.benchmarks.stopping")
    scale = measured("tests.benchmarks.scale")
    speed = measured("tests.benchmarks.speed")
    steered = [measured(f"tests.benchmarks.{name}") for name in ("steering", "kills", "queue", "watchers")]
    experiment = measured("tests.benchmarks.experiment")
    recipes = measured("tests.benchmarks.recipes")
    latency = measured("tests.benchmarks.predict_latency")
    best, test = accuracy["best"], accuracy["test"]
    first = min(pages["first_page_s"]), max(pages["first_page_s"])
    rows = [
        ("First page after the server's start", "at most 2.5 s",
         f"{first[0]:.1f} to {first[1]:.1f} s in {len(pages['first_page_s'])} starts"),
        *click_rows("A click while a training runs", pages["training"]),
        *click_rows("A click while the frozen part looks at the photos", pages["extracting"]),
        (f"A folder of {upload['files']:,} photos ({upload['sent_mb']:.0f} MB) through the browser, checked "
         "and shown", "all arrive", f"{upload['arrived']:,} in {upload['seconds']:.0f} s"),
        ("The server's memory meanwhile", "stays flat",
         f"{upload['memory_before_mb']:.0f} MB before, {upload['memory_most_mb']:.0f} MB at most"),
        (f"Taking in {intake['images']:,} photos from a zip, against unpacking and decoding them",
         "at most 2", f"{intake['ratio']:.2f}"),
        (f"Lite0 frozen, 10 epochs on {accuracy['photos']}: validation accuracy", "at least .84",
         f"{best['val_accuracy']:.3f}"),
        ("The same model: test accuracy, with its 95% interval", "(seen elsewhere: .86)",
         f"{test['accuracy']:.3f} ({test['low']:.3f} to {test['high']:.3f}, {test['images']} photos)"),
        (f"What {memory['runs']} runs in one process leave in memory after the third", "less than 150 MB",
         f"{memory['growth_mb']:.0f} MB"),
        ("A stop while the frozen part looks at the photos, the longest of 9 with three backbones",
         "at most 1 s", f"{stopping['longest_s']:.2f} s"),
        *scale_rows(scale),
        *steering_rows(*steered),
        *experiment_rows(experiment),
        *recipe_rows(recipes),
        *latency_rows(latency),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    python = f"{platform.system()}, Python {platform.python_version()}"
    machine = f"{processor()}, {os.cpu_count()} cores, {python}"
    return "\n".join(
        ["| What | Goal | Seen |", "|---|---|---|", *lines, "", *speed_lines(speed), "",
         *estimate_lines(estimates), "",
         f"Seen on {datetime.now(UTC):%Y-%m-%d} on {machine}, load {os.getloadavg()[0]:.1f} at the end."]
    )


if __name__ == "__main__":
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(table() + "\n", encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))
