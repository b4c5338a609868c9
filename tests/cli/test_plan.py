"""plan: what it says is what run does; limits, refusals and pictures as a user meets them."""
import json
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
import planned

TINY = ["--task", "depth", "--input-size", "70"]
MIB = 1 << 20


def plan(*words, code=0):
    """What plan --json says; its message goes to standard error and is left out."""
    r = harness.call("plan", "--json", *words, timeout=60)
    if r.returncode != code:
        raise AssertionError(f"exit {r.returncode}: {r.stderr}")
    return json.loads(r.stdout), r.stderr


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = harness.scratch("plan")
        cls.clip = cls.folder / "film.mp4"
        harness.clip(cls.clip, 24, size="112x70")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def planned_by_run(self, name, *words, code=0):
        out = self.folder / name
        r = harness.longtake("run", "--out", out, "--quiet", *words, self.clip)
        self.assertEqual(r.code, code, r.text)
        m = re.search(r"^longtake_planned_bytes\S* (\d+)$", (out / "metrics.prom").read_text(), re.M)
        return int(m.group(1)), harness.content_hash(out / "film.h5")

    def test_run_takes_what_plan_says(self):
        """At plenty and at two limits that only lower rungs fit in: the same bytes, and the same values throughout."""
        whole, _ = plan(*TINY, self.clip)
        ladder = plan(*TINY, "--memory-limit", 1 * MIB, self.clip, code=69)[0]["videos"][0]["ladder"]
        self.assertEqual(whole["planned_bytes"], ladder[0]["device_bytes"])
        self.assertEqual([x["fits"] for x in ladder], [False] * len(ladder))
        sizes = sorted({x["device_bytes"] for x in ladder})
        self.assertGreater(len(sizes), 2)
        hashes = set()
        for limit in (sizes[0], sizes[len(sizes) // 2], sizes[-1]):
            said, _ = plan(*TINY, "--memory-limit", limit, self.clip)
            did, value = self.planned_by_run(f"at{limit}", *TINY, "--weights", "synthetic:7", "--memory-limit", limit)
            self.assertEqual(said["planned_bytes"], did)
            self.assertLessEqual(did, limit)
            hashes.add(value)
        self.assertEqual(len(hashes), 1, "a limit changed the values")
        r = harness.longtake("run", "--out", self.folder / "none", "--quiet", *TINY, "--weights", "synthetic:7", "--memory-limit", sizes[0] - 1, self.clip)
        self.assertIn("needs at least", r.text)
        self.assertNotEqual(r.code, 0)

    def test_flow_too(self):
        said, _ = plan("--task", "flow", self.clip)
        did, _ = self.planned_by_run("flow", "--task", "flow")
        self.assertEqual(said["planned_bytes"], did)
        self.assertEqual(said["frames"], 24)

    def test_a_smaller_input_where_it_is_allowed(self):
        """The job is then of that size, also when it is continued with memory in plenty."""
        words = ["--task", "depth", "--input-size", "252", "--weights", "synthetic:7", "--frames", "3"]
        ladder = plan("--task", "depth", "--input-size", "252", "--frames", "3", "--memory-limit", MIB, self.clip, code=69)[0]["videos"][0]["ladder"]
        limit = ladder[-1]["device_bytes"] - 1
        self.assertEqual(harness.longtake("run", "--out", self.folder / "no", "--quiet", *words, "--memory-limit", limit, self.clip).code, 69)
        said, _ = plan("--task", "depth", "--input-size", "252", "--frames", "3", "--memory-limit", limit, "--allow", "size", self.clip)
        self.assertEqual(said["videos"][0]["setting"]["input_size"], 224)
        did, _ = self.planned_by_run("small", *words, "--memory-limit", limit, "--allow", "size")
        self.assertEqual(said["planned_bytes"], did)
        run = json.loads((self.folder / "small/run.json").read_text())
        self.assertEqual(run["input-size"], 224)
        again = harness.longtake("run", "--out", self.folder / "small", "--quiet", *words, "--allow", "size", self.clip)
        self.assertEqual(again.code, 0, again.text)

    def test_videos_of_different_sizes(self):
        """One job has one input size: the one in which its largest video fits. Then what does not fit fails by itself, and the rest is done."""
        square = harness.clip(self.folder / "square.mp4", 3, size="70x70", seed=2)
        words = ["--task", "depth", "--input-size", "252", "--frames", "3"]
        both = [square, self.clip]
        least = {c: [x["device_bytes"] for x in plan(*words, "--memory-limit", MIB, c, code=69)[0]["videos"][0]["ladder"]] for c in both}
        limit = min(least[self.clip]) - 1
        self.assertLess(min(least[square]), limit, "the first one is to fit as it is")
        said, _ = plan(*words, "--memory-limit", limit, "--allow", "size", *both)
        self.assertEqual([v["setting"]["input_size"] for v in said["videos"]], [224, 224])
        self.assertEqual(said["planned_bytes"], max(v["setting"]["device_bytes"] for v in said["videos"]))
        r = harness.longtake("run", "--out", self.folder / "two", "--quiet", *words, "--weights", "synthetic:7", "--memory-limit", limit, "--allow", "size", *both)
        self.assertEqual(r.code, 0, r.text)
        said, message = plan(*words, "--memory-limit", limit, *both, code=69)
        self.assertEqual({v["name"]: v["fits"] for v in said["videos"]}, {str(square): True, str(self.clip): False})
        self.assertIn("film.mp4: 112x70 needs at least", message)
        r = harness.longtake("run", "--out", self.folder / "one", "--quiet", *words, "--weights", "synthetic:7", "--memory-limit", limit, *both)
        self.assertEqual(r.code, 69, r.text)
        self.assertTrue((self.folder / "one/square.h5").exists())

    def test_inputs_of_all_kinds(self):
        """The harness compares each of these runs with its plan; here is that it did."""
        turned, deep, pictures, broken = (self.folder / name for name in ("turned.mp4", "deep.mkv", "pictures", "broken.mkv"))
        harness.ffmpeg("-i", self.clip, "-c", "copy", "-metadata:s:v", "rotate=90", turned)
        harness.clip(deep, 6, size="90x120", codec=("-vf", "format=yuv422p10le", "-c:v", "ffv1"))
        pictures.mkdir()
        harness.ffmpeg("-i", self.clip, "-frames:v", 5, pictures / "%04d.png")
        harness.ffmpeg("-i", self.clip, "-c:v", "mjpeg", broken)
        data = bytearray(broken.read_bytes())
        data[len(data) // 2:len(data) // 2 + 4000] = bytes(4000)
        broken.write_bytes(data)
        several = [turned, deep, pictures, self.clip]
        rows = [(None, [turned]), (None, [deep, "--type", "f16"]), (None, [pictures]), (None, [broken]), (None, [self.clip, "--max-res", "64", "--fps", "5"]),
                (2, several), (3, [*several, "--threads", "1", "--prefetch", "3"]), (None, [*several, "--segment-frames", "4", "--start", "0.1"])]
        rows += [(2 if i == 1 else None, [*several, "--shard-by", by, "--shard", f"{i}/3"]) for by in ("video", "segment") for i in range(3)]
        before = planned.counts["compared"]
        for i, (ranks, words) in enumerate(rows):
            with self.subTest(ranks=ranks, words=[str(w) for w in words]):
                by = words[words.index("--shard-by") + 1] if "--shard-by" in words else i
                r = harness.longtake("run", "--out", self.folder / f"kind{by}", "--quiet", "--task", "flow", "--preset", "fast", *words, ranks=ranks)
                self.assertEqual(r.code, harness.EXIT["data"] if broken in words else 0, r.text)
        self.assertEqual(planned.counts["compared"] - before, len(rows))

    def test_a_job_without_a_file(self):
        said, _ = plan("--task", "depth", "--size", "1920x1080", "--frames", "3000", "--ranks", "4")
        video = said["videos"][0]
        self.assertEqual((video["width"], video["height"]), (1280, 720))
        self.assertEqual(sum(r["frames"] for r in said["by_rank"]), 3000)
        self.assertEqual(sum(r["segments"] for r in said["by_rank"]), said["segments"])
        self.assertEqual(said["segments"], -(-3000 // 176))
        self.assertIn(sum(r["halos"] for r in said["by_rank"]), range(3, 9))
        self.assertEqual(said["result_bytes"], 3000 * 1280 * 720 * 4)
        self.assertGreater(said["peak_disk_bytes"], 2 * said["result_bytes"])
        self.assertAlmostEqual(sum(r["tflop"] for r in said["by_rank"]), said["tflop"], 2)
        rows = {(r["kind"], r["name"]): r["bytes"] for r in said["arena"]}
        held = rows["weights", ""] + rows["kept", ""]
        parts = [b for (k, _), b in rows.items() if k == "activations"]
        self.assertLessEqual(held + max(parts), said["planned_bytes"])
        self.assertLess(max(parts), said["planned_bytes"])

    def test_refusals(self):
        said, message = plan("--task", "depth", "--size", "518x518", "--memory-limit", "150MiB", code=69)
        self.assertFalse(said["fits"])
        self.assertRegex(message, r"needs at least [\d.]+ MiB of device memory and 150.0 MiB may be used: raise --memory-limit to \d+MiB")
        self.assertIn("--allow size would do", message)
        for words, says in ((["--size", "70x70", self.clip], "not both"), ([], "needs the size of the frames"), (["--size", "70x70", "--task", "map"], "not built")):
            r = harness.longtake("plan", *words)
            self.assertEqual(r.code, 64, r.text)
            self.assertIn(says, r.text)
        r = harness.longtake("plan", "--task", "depth", "--size", "70x70", "--device-profile", "rtx4050")
        if r.code:
            self.assertEqual(r.code, 69)
            self.assertIn("this build of longtake has no CUDA", r.text)

    def test_text_and_picture(self):
        png = self.folder / "plan.png"
        r = harness.longtake("plan", *TINY, "--size", "98x70", "--frames", "50", "--picture", png)
        self.assertEqual(r.code, 0, r.text)
        for words in ("-> vits, input 70, f32, micro-batch 4", "arena of each rank", "weights", "activations        tail", "TFLOP"):
            self.assertIn(words, r.text)
        data = png.read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual((int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")), (1400, 900))


if __name__ == "__main__":
    harness.main()
