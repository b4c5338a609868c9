"""Weights that are brought layer by layer: the same result, also after kill -9, which leaves nothing behind; what has no room says so and loses nothing."""
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness


def unnamed(pid, folder):
    """Descriptors of a process that are open on files of a folder which have no name."""
    found = 0
    for fd in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        found += target.startswith(str(folder)) and target.endswith("(deleted)")
    return found


class Streamed(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 60, size="112x70")
        r = harness.longtake(*cls.words(cls.dir / "plain", "--stream-weights", "off"))
        if r.code:
            raise AssertionError(f"the plain run: exit {r.code}\n{r.text}")
        cls.want = harness.content_hash(cls.dir / "plain/clip.h5")

    @classmethod
    def words(cls, out, *more):
        return depth.words(out, cls.clip, "--threads", "1", *more, segment=22, env=depth.REAL)

    def finishes(self, out, *more, ranks=None):
        self.exits(harness.longtake(*self.words(out, *more), ranks=ranks), "done")
        self.assertEqual(harness.content_hash(out / "clip.h5"), self.want)

    def test_two_ranks(self):
        scratch = self.dir / "scratch"
        scratch.mkdir()
        self.finishes(self.dir / "ranks", "--stream-weights", "on", "--scratch", scratch, ranks=2)
        self.assertEqual(list(scratch.iterdir()), [])

    def test_killed(self):
        """The file is the process's alone, and lies in the job directory."""
        out = self.dir / "killed"
        job = harness.Job(harness.command(*self.words(out, "--stream-weights", "on")))
        seen = 0
        while job.process.poll() is None and not list(out.glob("clip/raw/seg-*.h5")):
            seen = max(seen, unnamed(job.process.pid, out))
            time.sleep(0.02)
        job.process.send_signal(signal.SIGKILL)
        self.assertEqual(job.wait(), harness.EXIT["killed"])
        self.assertEqual(seen, 1)
        self.assertEqual([p for p in out.iterdir() if "weights" in p.name], [])
        self.finishes(out, "--stream-weights", "off")

    def test_no_room(self):
        out = self.dir / "no"
        r = harness.longtake(*self.words(out, "--stream-weights", "on", "--scratch", self.dir / "nowhere"))
        self.exits(r, "store", "nowhere: no file for streamed weights can be made there: No such file", "--scratch")
        small = self.dir / "small"
        small.mkdir()
        if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], stderr=subprocess.DEVNULL).returncode == 0:
            try:
                r = harness.longtake(*self.words(out, "--stream-weights", "on", "--scratch", small))
                self.exits(r, "store", "small has no room for", "MiB of streamed weights", "--scratch")
            finally:
                subprocess.run(["umount", "-l", small], check=True)
        self.finishes(out, "--stream-weights", "on")


if __name__ == "__main__":
    harness.main()
