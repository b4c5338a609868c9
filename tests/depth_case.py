"""What the tests of depth share: clips, runs with a stand-in for the network, and what a result says of itself.

The stand-in (LT_DEPTH_STUB, builds with fault injection only) gives maps that differ in scale and shift from window to window, so hundreds of windows are a
matter of seconds. One row of every table is run with the real network on synthetic weights as well.
"""
import json
import os
import re
import sys

import harness

SIZE = ["--input-size", "70"]
STUB = {"LT_DEPTH_STUB": "0"}
REAL = {}


def words(out, clip, *more, segment=44, env=STUB, quiet=True):
    weights = [] if env is not REAL else ["--weights", "synthetic:7"]
    return ["run", "--task", "depth", "--out", out, *SIZE, *weights, "--segment-frames", segment, *["--quiet"] * quiet, *more, clip]


def peak_kib(*args, env):
    """The largest resident memory of one run of longtake."""
    code = "import resource, subprocess, sys; c = subprocess.call(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c)"
    job = harness.Job([sys.executable, "-c", code, *harness.command(*args)], env=env)
    if job.wait():
        raise AssertionError(f"{args}: {job.output()}")
    return int(job.output().split()[-1])


def pictures(folder, n, bad=(), white=()):
    """A sequence of n pictures, those of `bad` cut off so that they cannot be read, those of `white` blank."""
    folder.mkdir()
    harness.ffmpeg("-f", "lavfi", "-i", "testsrc2=size=112x70:rate=25", "-frames:v", n, folder / "%05d.png")
    if white:
        harness.ffmpeg("-f", "lavfi", "-i", "color=white:size=112x70:rate=25", "-frames:v", 1, folder / "white.png")
        data = (folder / "white.png").read_bytes()
        (folder / "white.png").unlink()
        for t in white:
            (folder / f"{t + 1:05d}.png").write_bytes(data)
    for t in bad:
        path = folder / f"{t + 1:05d}.png"
        path.write_bytes(path.read_bytes()[:300])
    return folder


def verify(path):
    """What `verify --json` says."""
    return json.loads(harness.longtake("verify", "--json", path).text)[0]


def raw(out):
    """{raw segment file: what changes when it is written again} of a job directory."""
    found = {}
    for p in out.glob("*/raw/seg-*.h5"):
        s = p.stat()
        found[str(p.relative_to(out))] = (s.st_ino, s.st_mtime_ns, s.st_size)
    return found


def metric(out, name, **labels):
    """A number of metrics.prom, None where it is not there."""
    text = (out / "metrics.prom").read_text()
    inner = ",".join(f'{k}="{v}"' for k, v in labels.items())
    m = re.search(rf"^{name}(?:_total)?{re.escape('{' + inner + '}') if inner else ''} (\S+)$", text, re.M)
    return float(m.group(1)) if m else None


def needs_stub():
    """The stand-in is not in a build without fault injection."""
    r = harness.longtake("run", "--task", "depth", "--out", os.devnull, os.devnull, env=STUB)
    if "needs the weights" in r.text:
        harness.skip("this build has no stand-in for the network (LT_FAULTS=OFF)")
