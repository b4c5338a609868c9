"""What ranks agree on: exit codes, the handing out of work, and how they meet the launcher."""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


class Launcher(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 48)

    def flow(self, name, *args, ranks=None, **kw):
        return harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", self.dir / name, *args, ranks=ranks, **kw)

    def test_every_segment_is_done_once(self):
        """Faster ranks take more, but the counts of the ranks add up to the job."""
        r = self.flow("counts", "--segment-frames", "4", "--keep-segments", self.clip, ranks=3)
        self.exits(r, "done")
        ranges = sorted(p.stem.split("-")[1:] for p in (self.dir / "counts/clip").glob("seg-*.h5"))
        covered = [f for a, b in ranges for f in range(int(a), int(b) + 1)]
        self.assertEqual(covered, list(range(48)), "segments overlap or leave a gap")

    def test_more_ranks_than_segments(self):
        self.exits(self.flow("idle", "--segment-frames", "64", self.clip, ranks=4), "done")
        self.assertTrue((self.dir / "idle/clip.h5").exists())

    def test_a_finished_job_is_left_alone(self):
        self.exits(self.flow("again", self.clip, ranks=2), "done")
        before = (self.dir / "again/clip.h5").stat()
        self.exits(self.flow("again", self.clip, ranks=3), "done")
        after = (self.dir / "again/clip.h5").stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_exit_codes_are_the_same_under_mpirun(self):
        bad = self.dir / "bad.mp4"
        bad.write_bytes(b"this is no video\n" * 100)
        blocked = self.dir / "a-file"
        blocked.write_text("")
        rows = (
            ("usage", ["--no-such-option", self.clip]),
            ("usage", ["--shard", "3/3", self.clip]),
            ("data", [bad, self.clip]),
        )
        for code, args in rows:
            for ranks in (None, 3):
                with self.subTest(code=code, args=[str(a) for a in args], ranks=ranks):
                    self.exits(self.flow(f"codes-{code}-{ranks}", *args, ranks=ranks), code)
        for ranks in (None, 3):
            with self.subTest(code="store", ranks=ranks):
                self.exits(self.flow("a-file/out", self.clip, ranks=ranks), "store")

    def test_slurm_step_that_does_not_know_its_tasks(self):
        env = dict(SLURM_STEP_NUM_TASKS=4, SLURM_PROCID=1, SLURM_JOB_ID=7)
        job = harness.Job(harness.command("run", "--task", "flow", "--preset", "fast", "--out", self.dir / "step", self.clip), env=env)
        code = job.wait()
        self.assertEqual(code, harness.EXIT["usage"], job.output())
        self.assertIn("--mpi=pmix", job.output())

    def test_foreign_array_index_is_only_noted(self):
        """People run one video a task by themselves: without --shard auto the variables of a scheduler change nothing."""
        r = self.flow("foreign", self.clip, env=dict(SLURM_ARRAY_TASK_ID=5, SLURM_ARRAY_TASK_COUNT=9))
        self.exits(r, "done")
        self.assertTrue((self.dir / "foreign/clip.h5").exists())

    def test_first_run_of_an_array_needs_its_size(self):
        r = self.flow("auto", "--shard", "auto", self.clip, env=dict(SLURM_ARRAY_TASK_ID=0, SLURM_ARRAY_TASK_COUNT=1))
        self.exits(r, "usage", "LONGTAKE_SHARD_COUNT")

    def test_auto_shard_of_each_scheduler(self):
        for env in (dict(SLURM_ARRAY_TASK_ID=1, LONGTAKE_SHARD_COUNT=2),
                    dict(AWS_BATCH_JOB_ARRAY_INDEX=1, AWS_BATCH_JOB_ARRAY_SIZE=2),
                    dict(JOB_COMPLETION_INDEX=1, LONGTAKE_SHARD_COUNT=2),
                    dict(SKYPILOT_JOB_RANK=1, SKYPILOT_NUM_JOBS=2),
                    dict(LONGTAKE_SHARD_INDEX=1, LONGTAKE_SHARD_COUNT=2)):
            with self.subTest(env=env):
                name = "auto-" + next(iter(env)).lower()
                self.exits(self.flow(name, "--shard", "auto", "--segment-frames", "8", "--keep-segments", self.clip, env=env),
                           "done")
                first = {int(p.stem.split("-")[1]) for p in (self.dir / name / "clip").glob("seg-*.h5")}
                self.assertEqual(first, {24, 32, 40}, "shard 1 of 2 is the second half")

    def test_cpu_levels_of_this_machine(self):
        """--cpu-isa forces each level; the results of one level do not depend on the ranks."""
        flags = pathlib.Path("/proc/cpuinfo").read_text()
        levels = ["base"] + [n for n, f in (("avx2", " avx2 "), ("avx512", " avx512vl ")) if f in flags]
        for level in levels:
            with self.subTest(level=level):
                hashes = set()
                for ranks in (None, 2):
                    name = f"isa-{level}-{ranks}"
                    self.exits(self.flow(name, "--cpu-isa", level, "--segment-frames", "16", self.clip, ranks=ranks), "done")
                    hashes.add(harness.content_hash(self.dir / name / "clip.h5"))
                self.assertEqual(len(hashes), 1)

    def test_mpirun_script_passes_a_stop_on(self):
        """TERM to the script is USR2 to the ranks: they leave by themselves with 75, and not killed after two seconds."""
        clip = harness.clip(self.dir / "longer.mp4", 240, size="320x180")
        job = harness.Job(harness.command("run", "--task", "flow", "--preset", "fast", "--out", self.dir / "term", "--segment-frames", "4",
                                          "--threads", "1", clip, ranks=2))
        end = time.monotonic() + 60
        while not harness.committed(self.dir / "term") and time.monotonic() < end:
            time.sleep(0.05)
        job.process.send_signal(signal.SIGTERM)
        self.assertEqual(job.wait(15), harness.EXIT["stopped"], job.output())
        self.assertEqual(job.gone(5), [])


if __name__ == "__main__":
    harness.main()
