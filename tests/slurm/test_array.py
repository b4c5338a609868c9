"""cluster/slurm/array.sbatch on a real Slurm: an array of 3 over 5 clips, a task cancelled in the middle, only the missing
indices submitted again, and the same bits as a plain run."""
import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import rig

SHARDS = 3
FRAMES = (36, 24, 72, 30, 42)               # the middle clip lies across the middle of the job: shard 1's own
SCRIPT = harness.ROOT / "cluster/slurm/array.sbatch"


class Array(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clips = [str(harness.clip(cls.dir / f"clip{i}.mp4", n, size="320x180", seed=i)) for i, n in enumerate(FRAMES)]
        cls.plain = cls.dir / "plain"
        r = harness.longtake("run", "--task", "flow", "--out", cls.plain, *cls.settings(), *cls.clips)
        if r.code:
            raise AssertionError(f"the plain run: exit {r.code}\n{r.text}")
        cls.want = cls.hashes(cls.plain)

    @staticmethod
    def settings():
        return ["--segment-frames", "4", "--threads", "1"]

    @classmethod
    def hashes(cls, out):
        return {p.name: harness.content_hash(p) for p in sorted(out.glob("*.h5"))}

    def submit(self, out, indices, **env):
        env = {"LONGTAKE": harness.LONGTAKE, "LONGTAKE_HOME": str(harness.ROOT), "LONGTAKE_RANKS": "2", **env}
        return slurm.submit(f"--array={indices}", "--time=5", "--ntasks=1", SCRIPT, "--task", "flow", "--out", out,
                            *self.settings(), *self.clips, env=env, cwd=self.dir)

    def planned(self, out):
        """The tasks of an array hold what plan says of a rank of theirs."""
        harness.check_left("--task", "flow", "--out", out, *self.settings(), *self.clips, ranks=2, env={"LONGTAKE_SHARD_COUNT": SHARDS}, cwd=self.dir)

    def until(self, ready, seconds, job, what):
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                self.fail(f"{what}: not within {seconds} s; {slurm.states(job)}\n{self.logs(job)}")
            time.sleep(0.1)

    def ended(self, job):
        states = slurm.states(job)
        return bool(states) and all(s not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING") for s, _ in states.values())

    def logs(self, job):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-2000:]}"
                         for p in sorted(self.dir.glob(f"longtake-{job}_*.log")))

    def test_cancel_and_resubmit_the_missing(self):
        out = self.dir / "array"
        job = self.submit(out, f"0-{SHARDS - 1}", LONGTAKE_SHARD_COUNT=str(SHARDS))
        self.until(lambda: any((out / "clip2").glob("seg-*.h5")), 60, job, "the first segment of the middle clip")
        slurm.run("scancel", f"{job}_1")
        self.until(lambda: self.ended(job), 90, job, "the end of the array")
        states = slurm.states(job)
        self.assertEqual(states[1][0], "CANCELLED", f"{states}\n{self.logs(job)}")
        self.assertEqual([states[i] for i in (0, 2)], [("COMPLETED", "0:0")] * 2, self.logs(job))
        before = harness.committed(out)

        status = harness.longtake("status", out)
        missing = re.search(r"^missing shards: ([0-9,-]+)$", status.text, re.M)
        self.assertTrue(missing, f"status names no missing shard:\n{status.text}")
        self.assertEqual(missing.group(1), "1", status.text)

        again = self.submit(out, missing.group(1))
        self.until(lambda: self.ended(again), 90, again, "the end of the second submission")
        self.assertEqual(slurm.states(again), {1: ("COMPLETED", "0:0")}, self.logs(again))
        self.planned(out)
        self.assertEqual(self.hashes(out), self.want)
        for name, stamp in harness.committed(out).items():
            self.assertEqual(stamp, before.get(name, stamp), f"{name} was committed and made again")
        status = harness.longtake("status", out)
        self.assertIn("missing shards: none", status.text)
        self.assertIn("ends at 1", (self.dir / f"longtake-{again}_1.log").read_text(),
                      "the script did not learn the end of its time from squeue")

    def test_notice_ends_a_task_with_75_and_a_rerun_finishes(self):
        out = self.dir / "notice"
        job = self.submit(out, "0", LONGTAKE_SHARD_COUNT="1")
        self.until(lambda: any(out.glob("*/seg-*.h5")), 60, job, "the first segment")
        # What --signal=B:USR2@120 does when the time is nearly over: to the batch script alone.
        slurm.run("scancel", "--batch", "--signal=USR2", f"{job}_0")
        began = time.monotonic()
        self.until(lambda: self.ended(job), 20, job, "the end after the notice")
        self.assertLess(time.monotonic() - began, 12, "10 s to leave, and Slurm's own delay")
        self.assertEqual(slurm.states(job), {0: ("FAILED", "75:0")}, self.logs(job))
        self.planned(out)
        again = self.submit(out, "0", LONGTAKE_SHARD_COUNT="1")
        self.until(lambda: self.ended(again), 90, again, "the end of the second submission")
        self.assertEqual(slurm.states(again), {0: ("COMPLETED", "0:0")}, self.logs(again))
        self.assertEqual(self.hashes(out), self.want)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # ctest's time limit: the daemons go down as well
    folder = harness.scratch("slurm")
    try:
        with rig.Rig(folder) as slurm:
            harness.main()
    except rig.CannotStart as e:
        harness.skip(f"no Slurm can be started here: {e}")
    finally:
        if not os.environ.get("LT_KEEP"):
            harness.shutil.rmtree(folder, ignore_errors=True)
