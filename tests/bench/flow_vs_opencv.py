#!/usr/bin/env python3
"""Error and speed of optical flow, ours beside OpenCV's, on scenes of exactly known motion.

    pip install opencv-contrib-python-headless numpy
    tests/bench/flow_vs_opencv.py build/release/tests/flow_bench [--threads 2] [--runs 5] [--seed 7]

All methods see the same frames, one after the other in one run, with the same number of threads. Seconds are the least of the runs
of one forward flow of one pair; ours include bringing in the second frame, theirs the conversion to grey. Errors are over the
visible pixels of five pairs."""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np


def lattice_texture(rng, scales=(3, 6, 12, 28, 60)):
    """A continuous random texture: smoothly interpolated noise of several lattice widths (pixels)."""
    lattices = [(s, rng.rand(64, 64, 3)) for s in scales]

    def at(y, x):
        total = 0
        for s, q in lattices:
            y0, x0 = np.floor(y / s).astype(int), np.floor(x / s).astype(int)
            fy, fx = (y / s - y0)[..., None], (x / s - x0)[..., None]
            fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
            top = q[y0 % 64, x0 % 64] * (1 - fx) + q[y0 % 64, (x0 + 1) % 64] * fx
            low = q[(y0 + 1) % 64, x0 % 64] * (1 - fx) + q[(y0 + 1) % 64, (x0 + 1) % 64] * fx
            total = total + (top * (1 - fy) + low * fy - .5) * (s / 12) ** .5
        return np.clip(128 + total * 110, 0, 255)
    return at


def scene(n, h, w, seed):
    """Frames u8 [n,h,w,3], flow f32 [n-1,h,w,2] and visible [n-1,h,w]: a shifting ground, a shifting disc, a turning disc."""
    rng = np.random.RandomState(seed)
    ground, shifting, turning = (lattice_texture(rng) for _ in range(3))
    ground_step, disc_step, angle = np.array([.45, 1.3]), np.array([1.1, 2.2]), .035      # (y, x) pixels, radians a frame
    start, centre, r_shifting, r_turning = np.array([h * .35, w * .30]), np.array([h * .62, w * .66]), h * .20, h * .24
    y, x = np.mgrid[:h, :w].astype(float)

    def turned(a):
        dy, dx = y - centre[0], x - centre[1]
        return centre[0] + np.cos(a) * dy - np.sin(a) * dx, centre[1] + np.sin(a) * dy + np.cos(a) * dx

    def owner(t, at_y, at_x):
        c = start + t * disc_step
        on_shifting = (at_y - c[0]) ** 2 + (at_x - c[1]) ** 2 < r_shifting ** 2
        on_turning = (at_y - centre[0]) ** 2 + (at_x - centre[1]) ** 2 < r_turning ** 2
        return np.where(on_shifting, 1, np.where(on_turning, 2, 0))

    frames, flow, visible = [], [], []
    for t in range(n):
        who = owner(t, y, x)
        colours = [ground(y - t * ground_step[0], x - t * ground_step[1]), shifting(y - t * disc_step[0], x - t * disc_step[1]),
                   turning(*turned(-angle * t))]
        frames.append(np.rint(np.choose(who[..., None], colours)).astype(np.uint8))
        ty, tx = turned(angle)
        u = np.choose(who, [ground_step[1], disc_step[1], tx - x])
        v = np.choose(who, [ground_step[0], disc_step[0], ty - y])
        flow.append(np.stack([u, v], -1).astype(np.float32))
        stays = (y + v >= 0) & (y + v <= h - 1) & (x + u >= 0) & (x + u <= w - 1)
        visible.append(stays & (owner(t + 1, y + v, x + u) == who))
    return np.stack(frames), np.stack(flow[:-1]), np.stack(visible[:-1])


def opencv(make, frames, runs):
    method = make()
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    best = float("inf")
    for _ in range(runs):
        begin = time.perf_counter()
        second = cv2.cvtColor(frames[1], cv2.COLOR_RGB2GRAY)
        method.calc(grey[0], second, None)
        best = min(best, time.perf_counter() - begin)
    return np.stack([make().calc(a, b, None) for a, b in zip(grey, grey[1:])]), best, 0


def ours(program, preset, threads, frames, runs):
    n, h, w, _ = frames.shape
    with tempfile.TemporaryDirectory() as d:
        source, out = os.path.join(d, "frames.rgb"), os.path.join(d, "flow.f32")
        frames.tofile(source)
        said = subprocess.run([program, source, str(w), str(h), preset, str(threads), str(runs), out], check=True,
                              capture_output=True, text=True).stdout.split()
        return np.fromfile(out, np.float32).reshape(n - 1, h, w, 2), float(said[0]), int(said[2])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", help="flow_bench of a build")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--seed", type=int, default=7)
    a = p.parse_args()
    cv2.setNumThreads(a.threads)
    met = True
    print(f"OpenCV {cv2.__version__}, {a.threads} threads, least of {a.runs} runs, seed {a.seed}")
    for w, h in ((480, 270), (960, 540)):
        frames, flow, visible = scene(6, h, w, a.seed)
        methods = [
            ("OpenCV DualTVL1", lambda: opencv(cv2.optflow.DualTVL1OpticalFlow_create, frames, max(1, a.runs // 2))),
            ("OpenCV DIS medium", lambda: opencv(lambda: cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM), frames, 4 * a.runs)),
            ("longtake best", lambda: ours(a.program, "best", a.threads, frames, 4 * a.runs)),
            ("longtake fast", lambda: ours(a.program, "fast", a.threads, frames, 4 * a.runs)),
        ]
        print(f"\n{w} x {h}            error px   > 1 px   seconds   times DualTVL1     arena")
        took, error = {}, {}
        for name, run in methods:
            found, seconds, arena = run()
            off = np.sqrt(((found - flow) ** 2).sum(-1))
            took[name], error[name] = seconds, np.mean([e[v].mean() for e, v in zip(off, visible)])
            print(f"{name:20}   {error[name]:8.4f}  {100 * (off[visible] > 1).mean():6.3f} %  {seconds:7.4f}"
                  f"   {took['OpenCV DualTVL1'] / seconds:10.1f}       {arena / 2**20 if arena else 0:6.1f} MiB")
        met &= error["longtake best"] <= .050 and took["OpenCV DualTVL1"] >= 10 * took["longtake best"]
        met &= error["longtake fast"] <= error["OpenCV DIS medium"] and took["longtake fast"] <= 3 * took["OpenCV DIS medium"]
    print("\nbest: at most 0.050 px, at least 10 times DualTVL1; fast: error of DIS medium, a third of its speed:", "met" if met else "MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
