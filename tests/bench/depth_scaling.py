#!/usr/bin/env python3
"""Two ranks of one core each against one rank of one core, on twelve windows of depth.

    depth_scaling.py build/cpu/longtake VIDEO [--input-size 280] [--windows 12] [--ranks 2] [--runs 1]

Each rank is bound to a core of its own, with all its threads, so that one rank cannot borrow the other core. Weights are drawn. The
whole command is timed: decoding, windows, the chain of scales, finishing, merging.
"""
import argparse
import pathlib
import shutil
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("program")
parser.add_argument("video")
parser.add_argument("--input-size", default="280")
parser.add_argument("--windows", type=int, default=12)
parser.add_argument("--ranks", type=int, default=2)
parser.add_argument("--runs", type=int, default=1)
args = parser.parse_args()
mpirun = pathlib.Path(__file__).resolve().parent.parent.parent / "launch/mpirun.sh"
job = ["--task", "depth", "--weights", "synthetic:7", "--input-size", args.input_size, "--frames", str(22 * args.windows), "--segment-frames", "22",
       "--threads", "1", "--progress", "none"]


def seconds(ranks):
    out = tempfile.mkdtemp(prefix="longtake-scaling-")
    line = 'exec taskset -c "${OMPI_COMM_WORLD_LOCAL_RANK:-0}" "$@"'
    start = time.perf_counter()
    subprocess.run([mpirun, "-n", str(ranks), "bash", "-c", line, "bash", args.program, "run", *job, "--out", out, args.video], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - start
    digest = subprocess.run([args.program, "verify", "--hash", out], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
    shutil.rmtree(out)
    return took, digest


for run in range(args.runs):
    one, first = seconds(1)
    many, second = seconds(args.ranks)
    assert first == second, "the ranks gave other bits"
    print(f"{args.windows} windows: 1 rank {one:.1f} s, {args.ranks} ranks {many:.1f} s: {one / many:.2f} times", flush=True)
