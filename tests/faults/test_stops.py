"""Being asked to stop: committed, exit 75 within 10 s on all ranks, and a second run finishes."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

LEAVE_S = 10


class Stops(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 160, size="240x136")
        r = harness.longtake(*cls.words("plain"))
        if r.code:
            raise AssertionError(f"the plain run: exit {r.code}\n{r.text}")
        cls.want = harness.content_hash(cls.dir / "plain/clip.h5")

    @classmethod
    def words(cls, name):
        return ["run", "--task", "flow", "--preset", "fast", "--out", cls.dir / name, "--segment-frames", "4", "--threads", "1",
                "--keep-segments", cls.clip]

    def stopped(self, name, ranks, stop, env=None):
        """Starts, waits for the first commit, stops by `stop(job)`, and goes through all that must hold then."""
        out = self.dir / name
        job = harness.Job(harness.command(*self.words(name), ranks=ranks), env=env)
        end = time.monotonic() + 60
        while not harness.committed(out) and job.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        began = time.monotonic()
        stop(job)
        code = job.wait(LEAVE_S + 20)
        took = time.monotonic() - began
        text = job.output()
        self.assertEqual(code, harness.EXIT["stopped"], text)
        self.assertLess(took, LEAVE_S, text)
        self.assertEqual(job.gone(5), [], "a process is left")
        self.assertFalse((out / "clip.h5").exists(), "it was to be stopped in the middle: make the clip longer")
        before = harness.committed(out)
        self.assertTrue(before, "nothing was committed")
        (out / "stop").unlink(missing_ok=True)
        r = harness.longtake(*self.words(name), ranks=ranks)
        self.exits(r, "done")
        self.assertEqual(harness.content_hash(out / "clip.h5"), self.want)
        now = harness.committed(out)
        self.assertEqual({k: now.get(k) for k in before}, before, "a committed segment was made again")
        harness.shutil.rmtree(out)

    def each(self, name, stop, **kw):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                self.stopped(f"{name}{ranks}", ranks, stop, **kw)

    def test_usr2(self):
        self.each("usr2", lambda job: job.process.send_signal(signal.SIGUSR2))

    def test_term(self):
        self.each("term", lambda job: job.process.send_signal(signal.SIGTERM))

    def test_stop_file(self):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                name = f"file{ranks}"
                self.stopped(name, ranks, lambda job, n=name: (self.dir / n / "stop").touch())

    def test_one_rank_alone_is_told(self):
        """A notice that reaches one rank stops them all."""
        self.stopped("one", 3, lambda job: os.kill(job.ranks()[-1], signal.SIGUSR2))

    def test_finished_frames_of_a_segment_are_kept(self):
        """One segment holds the whole clip: what was made of it before the stop is not made again."""
        words = [str(w) for w in self.words("head")]
        words[words.index("--segment-frames") + 1] = "1000"
        out = self.dir / "head"
        for delay in (0.2, 0.4, 0.8, 1.6, 3.2):
            job = harness.Job(harness.command(*words))
            end = time.monotonic() + 30
            while not list(out.glob("clip/.tmp-*")) and job.process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(delay)
            job.process.send_signal(signal.SIGUSR2)
            code = job.wait(LEAVE_S + 20)
            if harness.committed(out) or code != harness.EXIT["stopped"]:
                break
        self.assertEqual(code, harness.EXIT["stopped"], job.output())
        head = harness.committed(out)
        self.assertEqual(len(head), 1, head)
        self.exits(harness.longtake(*words), "done")
        self.assertEqual(harness.content_hash(out / "clip.h5"), self.want)
        self.assertEqual({k: harness.committed(out).get(k) for k in head}, head, "finished frames were made again")

    def test_signal_while_starting(self):
        """Nothing is committed yet; the answer is 75 all the same, and the next run begins."""
        for delay in (0.3, 0.6):
            with self.subTest(delay=delay):
                out = f"early{delay}"
                job = harness.Job(harness.command(*self.words(out), ranks=2))
                time.sleep(delay)
                job.process.send_signal(signal.SIGTERM)
                self.assertEqual(job.wait(LEAVE_S + 5), harness.EXIT["stopped"], job.output())
                self.assertEqual(job.gone(5), [])

    def test_end_of_time(self):
        """The job's end is known from the start: it leaves before it, with no signal at all."""
        for variable in ("LONGTAKE_END_TIME", "SLURM_JOB_END_TIME"):
            for ranks in (None, 3):
                with self.subTest(variable=variable, ranks=ranks):
                    name = f"{variable}{ranks}"
                    end = int(time.time()) + 5
                    job = harness.Job(harness.command(*self.words(name), ranks=ranks), env={variable: end})
                    code = job.wait(30)
                    self.assertEqual(code, harness.EXIT["stopped"], job.output())
                    self.assertLessEqual(job.ended_at, end, "it left after the end of its time")
                    self.exits(harness.longtake(*self.words(name), ranks=ranks), "done")
                    self.assertEqual(harness.content_hash(self.dir / name / "clip.h5"), self.want)

    def test_end_of_time_is_no_number(self):
        r = harness.longtake(*self.words("soon"), env={"LONGTAKE_END_TIME": "soon"})
        self.exits(r, "usage", "LONGTAKE_END_TIME")


if __name__ == "__main__":
    harness.main()
