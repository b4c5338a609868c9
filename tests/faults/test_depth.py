"""Depth under kills, stops, pictures that cannot be read and values that are not numbers."""
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

KILLS = int(os.environ.get("KILLS", "8"))
SLOW = {"LT_DEPTH_STUB": "60"}              # milliseconds a window


class Depth(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        depth.needs_stub()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 200, size="112x70")
        cls.want = cls.hash(cls.run_plain("plain"))

    @classmethod
    def run_plain(cls, name, *more, ranks=None, env=depth.STUB):
        r = harness.longtake(*depth.words(cls.dir / name, cls.clip, *more, segment=22), ranks=ranks, env=env)
        if r.code:
            raise AssertionError(f"{name}: exit {r.code}\n{r.text}")
        return cls.dir / name

    @classmethod
    def hash(cls, out):
        return harness.content_hash(next(out.glob("*.h5")))

    def test_kills(self):
        """kill -9 of a rank, of all, of mpirun, then the same command: no forward pass is made twice, and the bits are the same."""
        rng = random.Random(5)
        kills = rounds = 0
        while kills < KILLS:
            out, code = self.dir / f"killed{rounds}", None
            rounds += 1
            while code != 0:
                before = depth.raw(out)
                job = harness.Job(harness.command(*depth.words(out, self.clip, "--keep-segments", "--threads", 1, segment=22), ranks=2), env=SLOW)
                if kills < KILLS:
                    time.sleep(rng.uniform(0.3, 1.6))
                    who = rng.choice(["rank", "ranks", "mpirun"])
                    pids = job.pids("mpirun") if who == "mpirun" else job.ranks()
                    for pid in [rng.choice(pids)] if who == "rank" and pids else pids:
                        with harness.contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                            kills += 1
                code = job.wait(60)
                self.assertEqual(job.gone(15), [], job.output())
                now = depth.raw(out)
                for name, stamp in before.items():
                    self.assertEqual(now.get(name), stamp, f"{name} was committed and is another file now\n{job.output()}")
            self.assertEqual(self.hash(out), self.want, f"round {rounds}")
            harness.shutil.rmtree(out)

    def test_stop_in_the_middle(self):
        """A notice: whole windows are kept, exit 75 in seconds, and the next run makes the others only."""
        out = self.dir / "stopped"
        job = harness.Job(harness.command(*depth.words(out, self.clip, "--keep-segments", segment=200)), env={"LT_DEPTH_STUB": "400"})
        time.sleep(1.5)
        began = time.monotonic()
        os.kill(job.process.pid, signal.SIGUSR2)
        self.assertEqual(job.wait(20), harness.EXIT["stopped"], job.output())
        self.assertLess(time.monotonic() - began, 10)
        kept = depth.raw(out)
        self.assertEqual(len(kept), 1, kept)
        self.assertRegex(next(iter(kept)), r"seg-000000000-0000000(31|63|95)|seg-000000000-000000(127|159|191)")
        self.exits(harness.longtake(*depth.words(out, self.clip, "--keep-segments", segment=200), env=depth.STUB), "done")
        self.assertEqual(self.hash(out), self.want)
        self.assertEqual({k: depth.raw(out)[k] for k in kept}, kept)
        self.assertEqual(len(depth.raw(out)), 2)

    def test_stop_before_the_anchor(self):
        """What a stop keeps knows which frame each of its windows is fitted to, and the rest goes on from there."""
        words = ("--anchor-frame", 60)
        want = self.hash(self.run_plain("anchored", *words))
        out = self.dir / "stopped-anchored"
        job = harness.Job(harness.command(*depth.words(out, self.clip, *words, segment=200)), env={"LT_DEPTH_STUB": "300"})
        deadline = time.monotonic() + 20
        time.sleep(2.2)
        os.kill(job.process.pid, signal.SIGUSR2)
        self.assertEqual(job.wait(max(1, deadline - time.monotonic())), harness.EXIT["stopped"], job.output())
        self.assertEqual(len(depth.raw(out)), 1)
        self.exits(harness.longtake(*depth.words(out, self.clip, *words, segment=200), env=depth.STUB), "done")
        self.assertEqual(self.hash(out), want)

    def test_raw_maps_that_a_neighbour_needs_are_lost(self):
        """A finished segment is taken back and made again where what the next one needs of it is damaged or gone."""
        out = self.run_plain("lost-raw", "--keep-segments")
        video = next(out.glob("*.h5"))
        folder = video.with_suffix("")
        for how in ("damaged", "gone"):
            video.unlink()
            next(folder.glob("seg-000000022-*")).unlink()
            raw = next((folder / "raw").glob("seg-000000000-*.h5"))
            if how == "damaged":
                with open(raw, "r+b") as f:
                    f.seek(3000)
                    f.write(b"XXXX")
            else:
                raw.unlink()
            words = depth.words(out, self.clip, "--keep-segments", segment=22)
            codes = [harness.longtake(*words, env=depth.STUB).code for _ in range(2)]
            self.assertEqual(codes, [harness.EXIT["store"], 0], how)
            self.assertEqual(self.hash(out), self.want)

    def gaps(self, name, n, *more, bad=(), white=(), ranks=None, segment=22):
        """Runs a sequence of pictures; the report of verify and the hash."""
        folder = self.dir / f"{name}-pictures"
        if not folder.exists():
            depth.pictures(folder, n, bad, white)
        out = self.dir / f"{name}-{ranks}-{segment}"
        r = harness.longtake(*depth.words(out, folder, *more, segment=segment, quiet=False), ranks=ranks, env=depth.STUB)
        self.exits(r, "data" if bad or white else "done")
        return depth.verify(next(out.glob("*.h5"))), self.hash(out), r.text

    def test_a_bad_picture(self):
        """Costs the window that reads it, no more, whatever the cut; the chain goes on from the anchor."""
        for name, bad, lost in (("middle", (60,), 16), ("early", (5,), 25), ("last", (109,), 13), ("key", (34,), 38)):
            with self.subTest(name):
                report, want, text = self.gaps(name, 110, bad=bad)
                self.assertIn(f"frame {bad[0]}", text)
                self.assertEqual(report["unreadable_frames"], lost, text)
                self.assertEqual(self.gaps(name, 110, bad=bad, segment=220)[1], want)
                self.assertEqual(self.gaps(name, 110, bad=bad, ranks=2)[1], want)

    def test_a_bad_anchor(self):
        """The next frame that can be read takes its place."""
        report, want, text = self.gaps("anchor", 110, "--anchor-frame", "50", bad=(50,))
        self.assertEqual(self.gaps("anchor", 110, "--anchor-frame", "50", bad=(50,), ranks=2, segment=44)[1], want)
        self.assertLess(report["unreadable_frames"], 40, text)

    def test_values_that_are_not_numbers(self):
        """The window fails and says so; its neighbours stand in where they can."""
        report, want, text = self.gaps("white", 110, white=(64,))
        self.assertIn("not numbers", text)
        self.assertEqual(report["unreadable_frames"], 16, text)
        self.assertEqual(self.gaps("white", 110, white=(64,), segment=44)[1], want)

    def test_memory_does_not_grow(self):
        """Ten times the frames take the same memory."""
        peaks = []
        for n in (220, 2200):
            clip = harness.clip(self.dir / f"n{n}.mp4", n, size="112x70")
            out = self.dir / f"long{n}"
            peaks.append(depth.peak_kib(*depth.words(out, clip, "--threads", 1, segment=176), env=depth.STUB))
        print(f"{peaks[0]} KiB for 220 frames, {peaks[1]} KiB for 2200")
        # The index takes some hundred bytes a frame while it is written; a frame itself, or its maps, would take 31 KB.
        self.assertLess(peaks[1] - peaks[0], 1980 * 4, peaks)

    def test_damaged_raw_segments(self):
        """One that was damaged on the disk is made again, and no other."""
        out = self.run_plain("damaged", "--keep-segments")
        (out / "clip.h5").unlink()
        for p in out.glob("clip/seg-*.h5"):
            p.unlink()
        before = depth.raw(out)
        path = out / sorted(before)[3]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        r = harness.longtake(*depth.words(out, self.clip, "--keep-segments", segment=22, quiet=False), env=depth.STUB)
        self.exits(r, "done", path.name, ".bad")
        self.assertEqual(self.hash(out), self.want)
        now = depth.raw(out)
        self.assertEqual([name for name in before if now[name] != before[name]], [sorted(before)[3]])

    def test_refusals(self):
        for more, says in ((["--weights", self.dir / "nothing.pth"], "nothing.pth"), ([], "needs the weights")):
            r = harness.longtake("run", "--task", "depth", "--out", self.dir / "refused", *more, self.clip)
            self.exits(r, "usage", says)
            self.assertFalse((self.dir / "refused").exists())
        small = harness.ROOT / "tests/data/checkpoints/small/safetensors/plain.safetensors"
        r = harness.longtake("run", "--task", "depth", "--out", self.dir / "refused", "--weights", small, self.clip)
        self.exits(r, "usage", "vda-vits", "missing")
        self.assertFalse((self.dir / "refused").exists())
        flags = pathlib.Path("/proc/cpuinfo").read_text()
        if "avx512_bf16" not in flags and "amx_bf16" not in flags:
            r = harness.longtake(*depth.words(self.dir / "refused", self.clip, "--precision", "bf16", env=depth.REAL))
            self.exits(r, "device", "bf16")
            self.assertEqual(r.text.count("\n"), 1, r.text)

    def test_other_weights_are_another_job(self):
        clip = harness.clip(self.dir / "tiny.mp4", 3, size="112x70")
        r = harness.longtake(*depth.words(self.dir / "seeds", clip, env=depth.REAL, quiet=False))
        self.exits(r, "done", "meaningless")
        other = [w if w != "synthetic:7" else "synthetic:8" for w in depth.words(self.dir / "seeds", clip, env=depth.REAL)]
        self.exits(harness.longtake(*other), "usage", "weights")


if __name__ == "__main__":
    harness.main()
