"""Ranks, segments, shards and threads change no bit of a result."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

# Not every combination, but every value of each column with every value of its neighbours at least once, and the odd
# ones: more ranks than segments, one segment that is the whole clip, three shards each under a rank count of its own.
ROWS = (
    # ranks (None: no mpirun), frames of a segment, shards, threads
    (None, 16, 1, 1),
    (None, 8, 3, 2),
    (1, 8, 1, 2),
    (1, 64, 1, 1),
    (2, 8, 1, 1),
    (2, 16, 3, 2),
    (2, 64, 1, 2),
    (3, 16, 1, 2),
    (3, 8, 3, 1),
    (3, 64, 1, 1),
    (4, 8, 1, 2),
    (4, 16, 1, 1),
    (4, 64, 3, 2),
)


class SameBits(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Neither length is a multiple of a segment; the second clip has fewer frames than a segment of 64.
        cls.clips = [harness.clip(cls.dir / "long.mp4", 70, seed=1), harness.clip(cls.dir / "short.mp4", 41, seed=2)]
        cls.want = cls.hashes(cls.job(cls.dir / "plain", None, 64, 1, 1))

    @classmethod
    def job(cls, name, ranks, frames, shards, threads):
        out = cls.dir / name
        for i in range(shards):
            shard = ["--shard", f"{i}/{shards}"] if shards > 1 else []
            r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--segment-frames", frames, "--threads", threads,
                                 *shard, *cls.clips, ranks=ranks)
            if r.code:
                raise AssertionError(f"{name}: exit {r.code}\n{r.text}")
        return out

    @classmethod
    def hashes(cls, out):
        return {c.stem: harness.content_hash(out / f"{c.stem}.h5") for c in cls.clips}

    def test_two_clips_differ(self):
        """A hash that does not see the values would pass everything below."""
        self.assertEqual(len(set(self.want.values())), 2)

    def test_rows(self):
        for row in ROWS:
            with self.subTest(ranks=row[0], segment=row[1], shards=row[2], threads=row[3]):
                out = self.job("-".join(map(str, row)), *row)
                self.assertEqual(self.hashes(out), self.want)

    def test_shards_in_any_order(self):
        out = self.dir / "backwards"
        for i in (2, 0, 1):
            r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--segment-frames", 8, "--shard", f"{i}/3",
                                 *self.clips, ranks=2)
            self.exits(r, "done")
        self.assertEqual(self.hashes(out), self.want)

    def test_shards_by_video_and_by_segment(self):
        for by in ("video", "segment"):
            with self.subTest(by=by):
                out = self.dir / f"by-{by}"
                for i in range(2):
                    r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--segment-frames", 8, "--shard", f"{i}/2",
                                         "--shard-by", by, *self.clips)
                    self.exits(r, "done")
                self.assertEqual(self.hashes(out), self.want)

    def test_levels_of_vector_code(self):
        """Flow is IEEE-exact by contract, so even processors of another level give these bits."""
        for level in ("base", "avx2", "avx512"):
            with self.subTest(level=level):
                out = self.dir / level
                r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--cpu-isa", level, "--out", out, *self.clips)
                if r.code == harness.EXIT["device"]:
                    self.assertIn("this processor has", r.text)
                    continue
                self.exits(r, "done")
                self.assertEqual(self.hashes(out), self.want)


if __name__ == "__main__":
    harness.main()
