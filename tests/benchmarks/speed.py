"""How fast a training is against a textbook's Keras script, and against the bare cost. Prints JSON.

``python -m tests.benchmarks.speed [CASE…] [--rounds N] [--photos FOLDER]``; takes over an hour on a laptop.
In each round all contenders run in turn, each in a process of its own, so that a machine that is slow for
a while is slow for all. ``--quick`` makes a race of a minute or two, whose figures say nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.workspace import Workspace
from tests.benchmarks.bench_intake import usual_photos
from tests.benchmarks.contenders import CASES, EPOCHS, Case, taken_in
from tests.serving import ROOT

REPEATS = 3
QUICK_EPOCHS = 2
QUICK_PHOTOS = (40, 20)
SPLITS = ("train", "validation")
# In the order of the race: the name in the table, and the contender that runs.
RACE = (("textbook", "textbook"), ("cold", "ours"), ("warm", "ours"), ("limit", "limit"))
TRAINING = ("textbook", "cold", "warm")


def found(root: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the photos by split and class; where they come undivided, each fifth is for validation."""
    if all((root / split).is_dir() for split in SPLITS):
        return {split: _by_class(root / split) for split in SPLITS}
    classes = _by_class(root)
    return {
        "train": {name: [each for at, each in enumerate(files) if at % 5] for name, files in classes.items()},
        "validation": {name: files[::5] for name, files in classes.items()},
    }


def _by_class(folder: Path) -> dict[str, list[Path]]:
    return {
        path.name: sorted(each for each in path.iterdir() if each.is_file())
        for path in sorted(folder.iterdir()) if path.is_dir()
    }


def chosen(classes: dict[str, list[Path]], count: int | None) -> dict[str, list[Path]]:
    """Choose ``count`` photos, as many of each class as can be, spread over its files; always the same."""
    if count is None:
        return classes
    left = min(count, sum(map(len, classes.values())))
    quotas = dict.fromkeys(classes, 0)
    while left:
        for name, files in classes.items():
            if left and quotas[name] < len(files):
                quotas[name] += 1
                left -= 1
    return {
        name: [files[at * len(files) // quotas[name]] for at in range(quotas[name])]
        for name, files in classes.items()
    }


def lay_out(case: Case, source: Path, folder: Path) -> dict[str, int]:
    """Copy a case's photos to ``folder/<split>/<class>/``; return how many each split has."""
    copied = dict.fromkeys(SPLITS, 0)
    for split, classes in found(source).items():
        count = case.train if split == "train" else case.validation
        for name, files in chosen(classes, count).items():
            target = folder / split / name
            target.mkdir(parents=True)
            for path in files:
                shutil.copyfile(path, target / path.name)
            copied[split] += len(files)
    return copied


def ran(name: str, case: Case, folder: Path, workspace: Path, epochs: int) -> dict[str, Any]:
    """Let one contender run in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.contenders", name, case.name, str(folder), str(workspace),
         "--epochs", str(epochs)],
        cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True,
    )
    seen: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return seen


def raced(case: Case, source: Path, rounds: int, epochs: int) -> dict[str, Any]:
    """Hold the race of one case; return all that was seen."""
    seen: dict[str, list[dict[str, Any]]] = {label: [] for label, _name in RACE}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photos"
        counts = lay_out(case, source, folder)
        for turn in range(1, rounds + 1):
            workspace = Path(temporary) / f"workspace{turn}"
            taken_in(Workspace.open(workspace), folder)
            for label, name in RACE:
                one = ran(name, case, folder, workspace, epochs)
                seen[label].append(one)
                print(
                    f"{case.name} {turn}/{rounds} {label}: {one['seconds']:.1f} s, "
                    f"accuracy {one['val_accuracy']}", file=sys.stderr, flush=True,
                )
            shutil.rmtree(workspace)
    seconds = {label: [one["seconds"] for one in all_of] for label, all_of in seen.items()}
    return {
        "case": case.name, "photos": counts, "epochs": epochs, "seconds": seconds,
        "medians": {label: statistics.median(each) for label, each in seconds.items()},
        "val_accuracy": {label: [one["val_accuracy"] for one in seen[label]] for label in TRAINING},
        "parts": {label: [one["parts"] for one in all_of] for label, all_of in seen.items()},
        "cache": {label: [one["cache"] for one in seen[label]] for label in ("cold", "warm")},
    }


def speed_lines(result: dict[str, Any]) -> list[str]:
    """Return the table of all cases: medians of the rounds, their ratios, and which goals were reached."""
    head = (
        "Case", "Photos", "Textbook", "Cold", "Warm", "Limit", "Textbook / cold", "Textbook / warm",
        "Cold / limit", "Best validation accuracy: textbook / cold / warm", "Goals",
    )
    return [_line(head), "|---" * len(head) + "|", *(_line(_cells(row)) for row in result["cases"])]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    medians = row["medians"]
    accuracies = (f"{statistics.median(row['val_accuracy'][label]):.3f}" for label in TRAINING)
    return (
        row["case"], " + ".join(f"{row['photos'][split]:,}" for split in SPLITS),
        *(f"{medians[label]:.1f} s" for label, _name in RACE),
        f"{medians['textbook'] / medians['cold']:.1f}", f"{medians['textbook'] / medians['warm']:.1f}",
        f"{medians['cold'] / medians['limit']:.2f}", " / ".join(accuracies), _goals(row),
    )


def _goals(row: dict[str, Any]) -> str:
    case, medians = CASES[row["case"]], row["medians"]
    cold, warm = (medians["textbook"] / medians[label] for label in ("cold", "warm"))
    over = medians["cold"] / medians["limit"]
    words = []
    if case.cold_goal is not None:
        words.append(f"cold at least {case.cold_goal:g} times: {_reached(cold >= case.cold_goal)}")
    if case.warm_goal is not None:
        words.append(f"warm at least {case.warm_goal:g} times: {_reached(warm >= case.warm_goal)}")
    if case.limit_goal is not None:
        words.append(f"at most {case.limit_goal:g} of the limit: {_reached(over <= case.limit_goal)}")
    if case.accuracy_goal is not None:
        textbook, ours = (statistics.median(row["val_accuracy"][label]) for label in ("textbook", "cold"))
        near = abs(textbook - ours) <= case.accuracy_goal
        words.append(f"accuracy within {100 * case.accuracy_goal:g} point: {_reached(near)}")
    return "; ".join(words) or "none"


def _reached(yes: bool) -> str:
    return "reached" if yes else "missed"


def main() -> None:
    """Hold the races asked for, and print what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=REPEATS)
    parser.add_argument("--photos", type=Path, default=None)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    cases = [CASES[name] for name in given.cases or CASES]
    epochs = EPOCHS
    if given.quick:
        epochs = QUICK_EPOCHS
        cases = [replace(case, train=QUICK_PHOTOS[0], validation=QUICK_PHOTOS[1]) for case in cases]
    source = given.photos or usual_photos()
    rows = [raced(case, source, given.rounds, epochs) for case in cases]
    result = {"photos": source.name, "rounds": given.rounds, "cases": rows}
    print("\n".join(speed_lines(result)), file=sys.stderr, flush=True)
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
