#!/usr/bin/env python3
"""Frames per second of longtake's depth against the official PyTorch modules, on the same cores in one run.

    depth_vs_pytorch.py build/cpu/longtake --official CHECKOUT [--threads 2] [--size 518x518] [--model vits] [--runs 2]

CHECKOUT is a clone of github.com/DepthAnything/Video-Depth-Anything; torch, einops and easydict come from PyPI. Weights are drawn: they do not
change the time. New frames a second: a window of 32 frames gives 22 new ones; the official code computes all 32 each time. The two
take turns, and the rate of one 4096^3 matrix product is measured beside each, since machines are noisy.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("program")
parser.add_argument("--official", required=True)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--size", default="518x518")
parser.add_argument("--model", default="vits", choices=("vits", "vitb", "vitl"))
parser.add_argument("--runs", type=int, default=2)
parser.add_argument("--bf16", action="store_true", help="both in bfloat16, where this machine has units for it")
args = parser.parse_args()

sys.path.insert(0, str(pathlib.Path(args.official).resolve()))
import torch  # noqa: E402

torch.set_num_threads(args.threads)
from video_depth_anything.video_depth import VideoDepthAnything  # noqa: E402

CONFIG = {
    "vits": dict(encoder="vits", features=64, out_channels=[48, 96, 192, 384]),
    "vitb": dict(encoder="vitb", features=128, out_channels=[96, 192, 384, 768]),
    "vitl": dict(encoder="vitl", features=256, out_channels=[256, 512, 1024, 1024]),
}
width, height = (int(v) for v in args.size.split("x"))
dtype = torch.bfloat16 if args.bf16 else torch.float32


def matmul_rate():
    a, b = (torch.rand(4096, 4096).to(dtype) for _ in range(2))
    best = 0
    for _ in range(3):
        start = time.perf_counter()
        a @ b
        best = max(best, 2 * 4096 ** 3 / (time.perf_counter() - start) * 1e-9)
    return best


def official():
    model = VideoDepthAnything(**CONFIG[args.model]).eval()
    x = torch.randn(1, 32, 3, height, width)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
        start = time.perf_counter()
        model(x)
        return 22 / (time.perf_counter() - start)


def ours():
    command = [args.program, "bench", "--task", "depth", "--model", args.model, "--size", args.size, "--threads", str(args.threads), "--json",
               "--precision", "bf16" if args.bf16 else "f32"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


best = {"official": 0.0, "ours": 0.0, "share": 0.0}
for run in range(args.runs):
    rate = matmul_rate()
    theirs = official()
    mine = ours()
    share = 100 * mine["gflops"] / mine["matmul_gflops"]
    print(f"run {run}: official {theirs:.3f} new frames/s (PyTorch's product {rate:.0f} GFLOP/s); "
          f"longtake {mine['frames_per_second']:.3f} ({mine['gflops']:.1f} of oneDNN's {mine['matmul_gflops']:.1f} GFLOP/s, {share:.1f} %), "
          f"{mine['frames_per_second'] / theirs:.2f} times", flush=True)
    best["official"] = max(best["official"], theirs)
    best["ours"] = max(best["ours"], mine["frames_per_second"])
    best["share"] = max(best["share"], share)
print(f"best of {args.runs}: official {best['official']:.3f}, longtake {best['ours']:.3f} new frames/s: {best['ours'] / best['official']:.2f} times; "
      f"share of the matrix product {best['share']:.1f} %; planned {mine['planned_bytes']} bytes, observed {mine['observed_bytes']}")
