"""Memory of the host: limits are found before a job starts, what was planned is kept, and nothing grows with clips or frames.

LEAK_CLIPS is the number of clips that one process does in a row (default 40 of flow, 24 of depth), LEAK_FRAMES that of a long video (default 2000).
tests/soak/leaks.sh asks for more of both.
"""
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

MIB = 1 << 20
CLIPS, DEPTH_CLIPS = (int(os.environ.get("LEAK_CLIPS", n)) for n in (40, 24))
FRAMES = int(os.environ.get("LEAK_FRAMES", 2000))
MANY = 200                                  # clips from which on the last half is held to one in a hundred
FLOW = ("--task", "flow", "--preset", "fast")
DEPTH = ("--task", "depth", *depth.SIZE)
SANITIZED = harness.sanitized()
KINDS = ("RssAnon", "RssShmem")


def used(pid):
    """(anonymous and shared memory in RAM, the most that was ever in RAM) in bytes; None when the process is gone, or not yet the one that was asked for."""
    try:
        rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        if rows["Name"].strip() != os.path.basename(harness.LONGTAKE)[:15]:
            return None
        return sum(int(rows[kind].split()[0]) for kind in KINDS) * 1024, int(rows["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return None


def watch(*words, out, env=None):
    """Runs longtake and looks at it until it ends: (exit code, [(results that are there, bytes used, most)], what it printed)."""
    job = harness.Job(harness.command("run", "--out", out, *words), env=env)      # compared with its plan in wait()
    seen = []
    while job.process.poll() is None:
        n, now = len(list(out.glob("*.h5"))), used(job.process.pid)
        if now:
            seen.append((n, *now))
        time.sleep(0.01)
    return job.wait(1200), seen, job.output()


class Memory(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 10, size="112x70")

    def refused(self, result, out, *words):
        self.exits(result, "device", "needs at least", *words)
        self.assertEqual([p for p in out.rglob("*.h5")], [], "something was computed")

    def under(self, limit, mib, out):
        """Flow under a limit of the process."""
        job = harness.Job(["prlimit", f"--{limit}={mib * MIB}", *harness.command("run", "--out", out, *FLOW, self.clip)])
        code = job.wait()
        return harness.Result(code, job.output(), job.seconds)

    def test_limits_of_the_process(self):
        """Where the plan fits the run does too, and where it does not the job is refused: there is nothing between."""
        if SANITIZED:
            self.skipTest("a sanitizer maps terabytes")
        reserve = 256 + 8 * (3 * len(os.sched_getaffinity(0)) + 8)
        for limit, name, least in (("as", "RLIMIT_AS", 320), ("data", "RLIMIT_DATA", 64)):
            with self.subTest(limit):
                codes = []
                for mib in (least, least + reserve // 2, least + reserve, 2 * least + reserve, 3 * least + reserve):
                    out = self.dir / f"{limit}{mib}"
                    r = self.under(limit, mib, out)
                    codes.append(r.code)
                    if r.code:
                        self.refused(r, out, name)
                    else:
                        self.assertTrue((out / "clip.h5").exists())
                self.assertEqual(codes[0], harness.EXIT["device"])
                self.assertEqual(codes[-1], 0)
                self.assertEqual(codes, sorted(codes, reverse=True), "more room, and then it did not fit")

    def test_slurm(self):
        """Ranks on a node share what Slurm gives the job there."""
        for name, env in (("SLURM_MEM_PER_NODE", {"SLURM_MEM_PER_NODE": 100}),
                          ("SLURM_MEM_PER_CPU", {"SLURM_MEM_PER_CPU": 25, "SLURM_CPUS_ON_NODE": 4}),
                          ("SLURM_MEM_PER_GPU", {"SLURM_MEM_PER_GPU": 50, "SLURM_GPUS_ON_NODE": 2})):
            with self.subTest(name):
                out = self.dir / name
                self.refused(harness.longtake("run", "--out", out, *FLOW, self.clip, env=env), out, name)
        doctor = json.loads(harness.longtake("doctor", "--json", env={"SLURM_MEM_PER_NODE": 100}).text)
        self.assertEqual((doctor["memory"]["limit_that_binds"], doctor["memory"]["slurm_limit_bytes"]), ("SLURM_MEM_PER_NODE", 100 * MIB))

    def test_an_option_that_is_too_small(self):
        for option in ("--memory-limit", "--host-memory-limit"):
            out = self.dir / option
            self.refused(harness.longtake("run", "--out", out, *FLOW, option, "1MiB", self.clip), out, f"raise {option} to")

    def flat(self, name, *words, env=None, n=CLIPS):
        if SANITIZED:
            self.skipTest("a sanitizer keeps what was freed")
        clips = self.dir / "clips"
        if not clips.exists():
            clips.mkdir()
            first = harness.clip(clips / "c0.mp4", 5, size="64x48")
            for i in range(1, max(CLIPS, DEPTH_CLIPS)):
                os.link(first, clips / f"c{i}.mp4")
        code, seen, text = watch(*words, "--quiet", "--threads", 1, *[clips / f"c{i}.mp4" for i in range(n)], out=self.dir / name, env=env)
        self.assertEqual(code, 0, text)
        self.assertGreater(len({k for k, _, _ in seen}), n // 4, "too few looks at it")
        # What is held between clips, the first ones apart; and the peak, before the report is written at the end.
        quarters = ((n // 2, 3 * n // 4) if n >= MANY else (n // 4, n // 2), (3 * n // 4, n - 1))
        held = [min(b for k, b, _ in seen if first < k <= last) for first, last in quarters]
        slack = 0 if n >= MANY else MIB
        most = [max(b for k, _, b in seen if k <= last) for last in (n // 2, n - 1)]
        print(f"{name}: after {quarters[0][1]} clips and after {n - 1}: {held[0] / MIB:.2f} and {held[1] / MIB:.2f} MiB held,"
              f" at most with pages of files {most[0] / MIB:.2f} after {n // 2} and {most[1] / MIB:.2f} MiB after {n - 1}", flush=True)
        self.assertLess(held[1], 1.01 * held[0] + slack)
        self.assertLess(most[1], 1.01 * most[0] + slack)

    def test_clips_of_flow_leave_nothing(self):
        self.flat("flow", *FLOW)

    def test_clips_of_depth_leave_nothing(self):
        depth.needs_stub()
        self.flat("depth", *DEPTH, env=depth.STUB, n=DEPTH_CLIPS)

    def test_what_was_planned_is_kept(self):
        """Anonymous and shared memory stay within the plan, + 5 %, for ten frames and for thousands."""
        if SANITIZED:
            self.skipTest("a sanitizer keeps what was freed")
        for name, words, env in (("flow", FLOW, None), ("depth", DEPTH, depth.STUB)):
            if env:
                depth.needs_stub()
            for n in (10, FRAMES):
                with self.subTest(f"{name} {n}"):
                    clip = harness.clip(self.dir / f"{n}.mp4", n, size="112x70")
                    code, seen, text = watch(*words, "--threads", 1, "--progress", "json", clip, out=self.dir / f"{name}{n}", env=env)
                    self.assertEqual(code, 0, text)
                    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
                    planned, said, peak = rows[-1]["host_planned_bytes"], max(r["host_used_bytes"] for r in rows), max(b for _, b, _ in seen)
                    print(f"{name}, {n} frames: {planned / MIB:.1f} MiB planned, {peak / MIB:.1f} MiB at most, {said / MIB:.1f} MiB said", flush=True)
                    self.assertLess(peak, 1.05 * planned)
                    # It tells what it uses several times a second; the peak may lie between.
                    self.assertLess(said, 1.01 * peak + MIB)
                    self.assertGreater(said, peak / 4)


if __name__ == "__main__":
    harness.main()
