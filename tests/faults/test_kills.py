"""kill -9 at random moments, then the same command again: complete, the same bits, no committed segment made twice.

    KILLS=1000 KILL_SEED=4 LONGTAKE=build/cpu/longtake python3 tests/faults/test_kills.py
"""
import contextlib
import os
import pathlib
import random
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

KILLS = int(os.environ.get("KILLS", "25"))
SEED = int(os.environ.get("KILL_SEED", "1"))
RANKS = 2
FRAMES, SEGMENT = 72, 4
GONE_S = 10                                 # "within seconds", with room for a busy machine


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


class Kills(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", FRAMES, size="240x136")
        r = harness.longtake(*cls.words("plain"))
        if r.code:
            raise AssertionError(f"the plain run: exit {r.code}\n{r.text}")
        cls.want = harness.content_hash(cls.dir / "plain/clip.h5")
        whole = harness.longtake(*cls.words("timed"), ranks=RANKS)
        cls.whole_s = whole.seconds

    @classmethod
    def words(cls, name):
        return ["run", "--task", "flow", "--preset", "fast", "--out", cls.dir / name, "--segment-frames", SEGMENT, "--threads", "1",
                "--keep-segments", cls.clip]

    def start(self, name):
        return harness.Job(harness.command(*self.words(name), ranks=RANKS))

    def strike(self, job, rng, what):
        """Kills, and says whether anything was there to be killed."""
        ranks = job.ranks()
        if what == "one rank":
            return bool(ranks) and kill(rng.choice(ranks))
        if what == "all ranks":
            return any([kill(p) for p in ranks])
        return any([kill(p) for p in job.pids("mpirun")])

    def after(self, job, what, struck):
        """The job ends in seconds, by itself, and leaves nobody behind; its exit code."""
        code = job.wait(GONE_S + 50 if not struck else GONE_S)
        left = job.gone(GONE_S)
        if left:
            job.end()
            self.fail(f"{what} was killed and {len(left)} processes are left after {GONE_S} s:\n{job.output()}")
        if struck and code != 0:
            self.assertEqual(code, harness.EXIT["killed"], f"{what} was killed:\n{job.output()}")
        return code

    def unchanged(self, before, out, text):
        now = harness.committed(out)
        for name, stamp in before.items():
            self.assertEqual(now.get(name), stamp, f"{name} was committed and is another file now\n{text}")

    @staticmethod
    def whole(names):
        """Segments all of whose frames are there: a rank that was asked to stop, when another one died, may have committed the head of one."""
        frames = [t for name in names for a, b in [map(int, re.findall(r"-(\d+)", name))] for t in range(a, b + 1)]
        return sum(set(range(k, k + SEGMENT)) <= set(frames) for k in range(0, FRAMES, SEGMENT))

    def test_random_kills(self):
        rng = random.Random(SEED)
        kills = rounds = 0
        kinds = {"one rank": 0, "all ranks": 0, "mpirun": 0}
        while kills < KILLS:
            name, out, done = f"round{rounds}", self.dir / f"round{rounds}", False
            rounds += 1
            while not done:
                before = harness.committed(out)
                job = self.start(name)
                struck, what = False, "nothing"
                if kills < KILLS:
                    what = rng.choice(list(kinds))
                    time.sleep(rng.uniform(0.05, self.whole_s))
                    struck = self.strike(job, rng, what)
                    kills += struck
                    kinds[what] += struck
                code = self.after(job, what, struck)
                text = job.output()
                self.unchanged(before, out, text)
                done = code == 0
                if not struck:
                    self.assertEqual(code, 0, text)
                if done and before and len(before) < 18:
                    said = re.search(r"(\d+) of (\d+) segments are there already", text)
                    self.assertTrue(said, f"the run does not say what it found:\n{text}")
                    self.assertEqual(int(said.group(1)), self.whole(before), text)
            self.assertEqual(harness.content_hash(out / "clip.h5"), self.want, f"round {rounds}, seed {SEED}")
            strays = [p.name for p in out.rglob("*") if p.is_file() and re.search(r"\.tmp|\.part", p.name)]
            self.assertEqual(strays, [], "temporary files of killed runs are left in a finished job")
            harness.shutil.rmtree(out)
            if KILLS > 25:
                print(f"{kills} kills, {rounds} jobs: {kinds}", flush=True)
        self.assertGreaterEqual(min(kinds.values()), 1, kinds)

    def test_a_killed_rank_ends_the_job_with_137(self):
        job = self.start("killed")
        end = time.monotonic() + 60
        while not harness.committed(self.dir / "killed") and time.monotonic() < end:
            time.sleep(0.01)
        self.assertTrue(self.strike(job, random.Random(2), "one rank"))
        self.assertEqual(self.after(job, "one rank", True), harness.EXIT["killed"])
        r = harness.longtake(*self.words("killed"), ranks=RANKS)
        self.exits(r, "done")
        self.assertEqual(harness.content_hash(self.dir / "killed/clip.h5"), self.want)


if __name__ == "__main__":
    harness.main()
