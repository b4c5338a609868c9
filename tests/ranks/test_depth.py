"""Depth: ranks, segments, shards, ways of the halo records and a merge by itself change no bit of a result."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

# Every number of ranks with every length of segment once, and three shards under several counts of ranks.
ROWS = (
    # ranks (None: no mpirun), frames of a segment, shards, options
    (None, 22, 1, ()), (None, 300, 1, ()), (1, 44, 1, ()), (2, 66, 1, ()), (3, 22, 1, ()), (4, 22, 1, ()), (None, 44, 3, ()),
    (None, 22, 1, ("--metric",)), (3, 44, 1, ("--metric",)), (None, 22, 3, ("--metric",)),
)
FRAMES = 217                                # ten windows, the last one of 19 frames


class Depth(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        depth.needs_stub()
        cls.clip = harness.clip(cls.dir / "clip.mp4", FRAMES, seed=1)
        cls.want = {metric: cls.hash(cls.job(f"plain{len(metric)}", None, 88, 1, *metric)) for metric in ((), ("--metric",))}

    @classmethod
    def job(cls, name, ranks, segment, shards, *more, order=None, env=depth.STUB):
        out = cls.dir / name
        for i in order or range(shards):
            shard = ["--shard", f"{i}/{shards}", "--shard-by", "segment"] if shards > 1 else []
            r = harness.longtake(*depth.words(out, cls.clip, *shard, *more, segment=segment, env=env), ranks=ranks, env=env)
            if r.code:
                raise AssertionError(f"{name}: exit {r.code}\n{r.text}")
        return out

    @classmethod
    def hash(cls, out):
        return harness.content_hash(out / "clip.h5")

    def test_metric_is_another_result(self):
        self.assertNotEqual(*self.want.values())

    def test_rows(self):
        for row in ROWS:
            with self.subTest(ranks=row[0], segment=row[1], shards=row[2], options=row[3]):
                out = self.job("-".join(map(str, row[:3])) + "".join(row[3]), *row[:3], *row[3])
                self.assertEqual(self.hash(out), self.want[row[3]])
                self.assertEqual(depth.raw(out), {}, "raw segments are left after the result")

    def test_shards_in_any_order(self):
        """The last one finishes what the others left raw."""
        for order in ((2, 1, 0), (2, 0, 1)):
            with self.subTest(order=order):
                self.assertEqual(self.hash(self.job("order" + "".join(map(str, order)), None, 22, 3, order=order)), self.want[()])

    def test_merge_finishes(self):
        """Raw segments of a later shard and finished ones of the first: merge needs neither weights nor video."""
        for metric, want in self.want.items():
            with self.subTest(metric=metric):
                out = self.job("merge" + "".join(metric), None, 44, 3, *metric, order=(2, 1))
                self.assertTrue(depth.raw(out))
                self.assertEqual(harness.longtake("merge", out).code, harness.EXIT["stopped"])
                r = harness.longtake(*depth.words(out, self.clip, "--shard", "0/3", "--shard-by", "segment", *metric, "--keep-segments"), env=depth.STUB)
                self.exits(r, "done")
                before = depth.raw(out)
                for p in [out / "clip.h5", *sorted(out.glob("clip/seg-*.h5"))[1:]]:
                    p.unlink()
                r = harness.longtake("merge", out, "--keep-segments")
                self.exits(r, "done")
                self.assertEqual(self.hash(out), want)
                self.assertEqual(depth.raw(out), before)

    def test_ways_of_the_record(self):
        """Within a process, between ranks, and from the file of an earlier run: the same bits."""
        one = self.job("one", None, 22, 1)
        two = self.job("two", 2, 22, 1)
        self.assertEqual(depth.metric(one, "longtake_halo_records", way="rank"), 0)
        self.assertGreater(depth.metric(one, "longtake_halo_records", way="process"), 5)
        self.assertGreater(depth.metric(two, "longtake_halo_records", way="rank"), 0)
        again = self.job("again", None, 22, 1, "--keep-segments")
        for p in [again / "clip.h5", again / "clip/seg-000000088-000000109.h5", again / "clip/seg-000000154-000000175.h5"]:
            p.unlink()
        before = depth.raw(again)
        self.job("again", None, 22, 1, "--keep-segments")
        self.assertEqual(depth.metric(again, "longtake_halo_records", way="file"), 2)
        self.assertEqual(depth.raw(again), before, "a forward pass was made again")
        self.assertEqual({self.hash(x) for x in (one, two, again)}, {self.want[()]})

    def test_anchor_elsewhere(self):
        """An anchor far into the video reaches segments before and after its own, in every cut."""
        anchor = ("--anchor-frame", "100")
        want = self.hash(self.job("anchor", None, 300, 1, *anchor))
        self.assertNotEqual(want, self.want[()])
        self.assertEqual(self.hash(self.job("anchor3", 3, 22, 1, *anchor)), want)
        self.assertEqual(self.hash(self.job("anchors", None, 44, 3, *anchor, order=(1, 0, 2))), want)

    def test_stored_as_f16(self):
        out = self.job("f16", None, 88, 1, "--type", "f16")
        self.assertNotEqual(self.hash(out), self.want[()])
        self.assertEqual(self.hash(self.job("f16-2", None, 22, 1, "--type", "f16")), self.hash(out))

    def test_videos_of_one_size(self):
        """They share a session and nothing else."""
        clips = [harness.clip(self.dir / f"twin{i}.mp4", 30 + 20 * i, size="112x70", seed=i) for i in (1, 2)]
        words = depth.words(self.dir / "both", clips[0], segment=22)
        self.exits(harness.longtake(*words, clips[1], env=depth.STUB), "done")
        for clip in clips:
            self.exits(harness.longtake(*depth.words(self.dir / f"alone-{clip.stem}", clip, segment=22), env=depth.STUB), "done")
            self.assertEqual(harness.content_hash(self.dir / "both" / f"{clip.stem}.h5"),
                             harness.content_hash(self.dir / f"alone-{clip.stem}" / f"{clip.stem}.h5"))

    def test_the_real_network(self):
        """Ranks, and any micro-batch."""
        clip = self.clip
        (self.dir / "short").mkdir()
        type(self).clip = harness.clip(self.dir / "short/clip.mp4", 60, size="112x70", seed=3)
        try:
            want = self.hash(self.job("real", None, 66, 1, env=depth.REAL))
            self.assertEqual(self.hash(self.job("real2", 2, 22, 1, "--micro-batch", "3", "--threads", "1", env=depth.REAL)), want)
        finally:
            type(self).clip = clip


if __name__ == "__main__":
    harness.main()
