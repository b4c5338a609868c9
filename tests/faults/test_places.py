"""Where results go: a full disk, a folder that may not be written to, one that vanishes, one that two runs share."""
import contextlib
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


def mount(*args):
    r = subprocess.run(["mount", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.returncode:
        raise unittest.SkipTest(f"mount {' '.join(map(str, args))}: {r.stdout.strip()}")


class Places(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 96, size="240x136")
        r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", cls.dir / "plain", *cls.settings(), cls.clip)
        if r.code:
            raise AssertionError(f"the plain run: exit {r.code}\n{r.text}")
        cls.want = harness.content_hash(cls.dir / "plain/clip.h5")

    def setUp(self):
        self.mounted = []

    def tearDown(self):
        for m in self.mounted:
            subprocess.run(["umount", "-l", str(m)], stderr=subprocess.DEVNULL)

    @staticmethod
    def settings():
        return ["--segment-frames", "4", "--threads", "1", "--keep-segments"]

    def words(self, out):
        return ["run", "--task", "flow", "--preset", "fast", "--out", out, *self.settings(), self.clip]

    def needs_root(self):
        if os.geteuid():
            self.skipTest("mounting needs root")

    def point(self, name, *how):
        self.needs_root()
        m = self.dir / name
        m.mkdir()
        mount(*how, m)
        self.mounted.append(m)
        return m

    def finishes(self, out, before, ranks):
        self.exits(harness.longtake(*self.words(out), ranks=ranks), "done")
        self.assertEqual(harness.content_hash(out / "clip.h5"), self.want)
        now = harness.committed(out)
        self.assertEqual({k: now.get(k) for k in before}, before, "a committed segment was made again")

    def test_disk_full(self):
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                m = self.point(f"full{ranks}", "-t", "tmpfs", "-o", "size=3m", "tmpfs")
                out = m / "out"
                r = harness.longtake(*self.words(out), ranks=ranks, timeout=60)
                self.exits(r, "store", "no space", str(out))
                before = harness.committed(out)
                self.assertTrue(before, f"3 MiB should hold some segments:\n{r.text}")
                mount("-o", "remount,size=200m", m)
                self.finishes(out, before, ranks)

    def test_read_only(self):
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                if os.geteuid():
                    m = self.dir / f"closed{ranks}"
                    m.mkdir(mode=0o555)
                    word = "permission"
                else:
                    m = self.point(f"closed{ranks}", "-t", "tmpfs", "-o", "size=200m", "tmpfs")
                    mount("-o", "remount,ro", m)
                    word = "read-only"
                self.exits(harness.longtake(*self.words(m / "out"), ranks=ranks), "store", word, str(m / "out"))
                if os.geteuid():
                    m.chmod(0o755)
                else:
                    mount("-o", "remount,rw", m)
                self.finishes(m / "out", {}, ranks)

    def started(self, out, ranks):
        """A run that has committed its first segment."""
        job = harness.Job(harness.command(*self.words(out), ranks=ranks))
        end = time.monotonic() + 60
        while not harness.committed(out) and job.process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        return job

    def test_vanished_mount(self):
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                self.needs_root()
                real = self.dir / f"real{ranks}"
                real.mkdir()
                m = self.point(f"mount{ranks}", "--bind", real)
                out = m / "out"
                job = self.started(out, ranks)
                subprocess.run(["umount", "-l", str(m)], check=True)
                code = job.wait(30)
                self.assertEqual(code, harness.EXIT["store"], job.output())
                self.assertIn(str(out), job.output())
                self.assertEqual([str(p) for p in m.rglob("*.h5")], [], "results were written beside the vanished mount")
                mount("--bind", real, m)
                before = harness.committed(out)
                self.assertTrue(before)
                self.finishes(out, before, ranks)

    def test_vanished_folder(self):
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                out = self.dir / f"gone{ranks}"
                job = self.started(out, ranks)
                out.rename(self.dir / f"moved{ranks}")
                code = job.wait(30)
                self.assertEqual(code, harness.EXIT["store"], job.output())
                self.assertIn(str(out), job.output())
                harness.shutil.rmtree(out, ignore_errors=True)
                (self.dir / f"moved{ranks}").rename(out)
                self.finishes(out, harness.committed(out), ranks)

    def test_two_runs_at_once(self):
        out = self.dir / "shared"
        jobs = [harness.Job(harness.command(*self.words(out), ranks=r)) for r in (None, 2, None)]
        codes = [j.wait(120) for j in jobs]
        self.assertEqual(codes, [0, 0, 0], "\n".join(j.output() for j in jobs))
        self.assertEqual(harness.content_hash(out / "clip.h5"), self.want)
        self.assertEqual([p.name for p in out.rglob("*.tmp*")], [])

    def test_out_is_a_file(self):
        f = self.dir / "file"
        f.write_text("in the way")
        self.exits(harness.longtake(*self.words(f)), "store", str(f))
        self.assertEqual(f.read_text(), "in the way")


if __name__ == "__main__":
    harness.main()
