#!/usr/bin/env python3
"""`longtake bench --sweep` for several models, sizes and precisions: a table and a figure of each, and one table of all.

    memory_sweep.py build/cpu/longtake --out sweeps [--models vits vitb vitl] [--sizes 518x518 924x518] [--precisions auto] [--device cpu]

Each network is a call of its own, so that one that is stopped or refused costs no other; what is there already is kept, so that a sweep of hours can
go on where it was stopped. Sweeping all three models on two cores takes many hours: every call says first how long it will take.
"""
import argparse
import csv
import itertools
import pathlib
import subprocess
import sys

SHOWN = ("model", "width", "height", "precision", "memory_limit", "planned_bytes", "observed_bytes", "micro_batch", "tile", "band", "streamed", "frames_per_second", "gflops")


def whole(path):
    """The rows of a table, or none where it does not end with the limit that has room to spare."""
    if not path.exists():
        return []
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    return rows if rows and rows[-1]["fits"] == "yes" and int(rows[-1]["memory_limit"]) > int(rows[-1]["planned_bytes"]) and rows[-1]["rung"] == "0" else []


def same(rows):
    """What the program has checked already, seen once more in what it wrote."""
    ran = [r for r in rows if r["fits"] == "yes"]
    return ran and len({r["hash"] for r in ran}) == 1 and all(r["observed_bytes"] for r in ran)


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("program")
parser.add_argument("--out", type=pathlib.Path, required=True)
parser.add_argument("--models", nargs="+", default=["vits"])
parser.add_argument("--sizes", nargs="+", default=["518x518"])
parser.add_argument("--precisions", nargs="+", default=["auto"])
parser.add_argument("--device", default="auto")
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)
everything, failed = [], 0
for model, size, precision in itertools.product(args.models, args.sizes, args.precisions):
    table = args.out / f"{model}-{size}-{precision}.csv"
    if not whole(table):
        words = ["--task", "depth", "--model", model, "--size", size, "--precision", precision, "--device", args.device, "--output", table]
        code = subprocess.run([args.program, "bench", "--sweep", *words]).returncode
        if code:
            print(f"{table}: exit {code}", file=sys.stderr)
            failed = code
            if code == 75:
                break
            continue
    rows = whole(table)
    for p in sorted({r["precision"] for r in rows}):
        if not same([r for r in rows if r["precision"] == p]):
            print(f"{table}: {p}: the rows contradict one another", file=sys.stderr)
            failed = 70
    everything += rows
if everything:
    with open(args.out / "all.csv", "w", newline="") as f:
        out = csv.DictWriter(f, everything[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(everything)
    print("| " + " | ".join(SHOWN) + " |\n|" + "---|" * len(SHOWN))
    for r in everything:
        print("| " + " | ".join(r[k] or "refused" for k in SHOWN) + " |")
sys.exit(failed)
