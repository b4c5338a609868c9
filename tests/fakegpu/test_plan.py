"""`plan` with a profile of the fake GPU says the bytes that `run` then allocates on it, at full memory and where only lower rungs fit."""
import json
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness                                    # noqa: E402

FAKE = "gpus=1,sm=90,sms=132,memory=8GiB,name=Fake"
OVERHEAD = 960 << 20
PROFILE = "device: cuda\nname: Fake\ncapability: 9.0\nmultiprocessors: 132\nmemory: 8GiB\nusable: 8GiB\noverhead: 960MiB\nrates:\n  f16: 1\n"
WORDS = ["--task", "depth", "--input-size", "42"]


def longtake(*words):
    return harness.call(*words, env={"LT_FAKE_CUDA": FAKE}, timeout=200)


class Plan(unittest.TestCase):
    def setUp(self):
        self.folder = harness.scratch("plan")
        self.clip = self.folder / "film.mp4"
        self.profile = self.folder / "fake.yaml"
        self.profile.write_text(PROFILE)
        harness.clip(self.clip, 3, size="112x70")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def plan(self, *words):
        r = longtake("plan", "--json", *WORDS, "--device-profile", self.profile, *words, self.clip)
        return r.returncode, json.loads(r.stdout), r.stderr

    def test_run_takes_what_plan_says(self):
        code, none, message = self.plan("--memory-limit", OVERHEAD + (1 << 20))
        self.assertEqual(code, 69)
        ladder = none["videos"][0]["ladder"]
        self.assertGreater(len(ladder), 3)
        self.assertEqual(ladder[0]["precision"], "f16")
        sizes = [c["device_bytes"] for c in ladder]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        values = set()
        for limit in (sizes[0], sizes[-1]):
            code, said, message = self.plan("--memory-limit", OVERHEAD + limit)
            self.assertEqual(code, 0, message)
            self.assertEqual(said["device_limit"], limit)
            self.assertGreater(said["seconds_at_least"], 0)
            out = self.folder / str(limit)
            r = longtake("run", "--quiet", "--device", "cuda", *WORDS, "--weights", "synthetic:7", "--memory-limit", OVERHEAD + limit, "--out", out, self.clip)
            self.assertEqual(r.returncode, 0, r.stderr)
            did = re.search(r"^longtake_planned_bytes\S* (\d+)$", (out / "metrics.prom").read_text(), re.M)
            self.assertEqual(said["planned_bytes"], int(did.group(1)))
            values.add(longtake("verify", "--hash", out / "film.h5").stdout.split()[0])
        self.assertEqual(len(values), 1, "a limit changed the values")

    def test_decoder_of_the_gpu(self):
        """Its surfaces and the frames that are decoded ahead are device memory, and no longer the host's; the arena is the one that `run` makes before
        it finds that there is no such decoder here."""
        code, plain, message = self.plan()
        self.assertEqual(code, 0, message)
        code, said, message = self.plan("--decoder", "nvdec")
        self.assertEqual(code, 0, message)
        rows = {row["kind"]: row["bytes"] for row in said["arena"]}
        frame = 256 * (70 + 35)                 # luma and chroma, rows of 112 bytes at multiples of 256
        self.assertEqual(rows["decoded frames"], 8 * frame)
        self.assertGreater(rows["decoder"], 64 << 20)
        chosen = said["videos"][0]["setting"]
        self.assertEqual(chosen["device_bytes"], said["planned_bytes"] + rows["decoder"])
        self.assertEqual(plain["host_bytes"] - said["host_bytes"], 8 * (112 * 3 + 48) * 70)
        words = [*WORDS, "--device", "cuda", "--weights", "synthetic:7", "--decoder", "nvdec"]
        for limit, code in (("8GiB", 69), (OVERHEAD + rows["decoder"] + (1 << 20), 69)):
            out = self.folder / str(limit)
            r = longtake("run", "--quiet", *words, "--memory-limit", limit, "--out", out, self.clip)
            self.assertEqual(r.returncode, code, r.stderr)
            self.assertIn("libcuda" if limit == "8GiB" else "needs at least", r.stderr)
        self.assertEqual(re.findall(r"^longtake_planned_bytes\S* (\d+)$", (self.folder / "8GiB/metrics.prom").read_text(), re.M), [str(said["planned_bytes"])])

    def test_videos_that_need_different_parts(self):
        """One arena for both: the network of the wide one, and the decoded frames of the large one."""
        large = harness.clip(self.folder / "large.mp4", 3, size="140x140")
        needs = []
        for clip in (self.clip, large):
            r = longtake("plan", "--json", *WORDS, "--device-profile", self.profile, "--decoder", "nvdec", clip)
            needs.append((json.loads(r.stdout)["planned_bytes"], {row["kind"]: row["bytes"] for row in json.loads(r.stdout)["arena"]}))
        (wide, wide_rows), (square, square_rows) = needs
        self.assertGreater(wide - wide_rows["decoded frames"], square - square_rows["decoded frames"])
        self.assertGreater(square_rows["decoded frames"], wide_rows["decoded frames"])
        code, said, message = self.plan("--decoder", "nvdec", large)
        self.assertEqual(code, 0, message)
        self.assertEqual(said["planned_bytes"], wide - wide_rows["decoded frames"] + square_rows["decoded frames"])
        out = self.folder / "both"
        r = longtake("run", "--quiet", *WORDS, "--device", "cuda", "--weights", "synthetic:7", "--decoder", "nvdec", "--out", out, self.clip, large)
        self.assertIn("libcuda", r.stderr)
        self.assertIn(f" {said['planned_bytes']}\n", (out / "metrics.prom").read_text())

    def test_what_the_decoder_of_the_gpu_does_not_take(self):
        for words, says in (((*WORDS, "--max-res", "64"), "--max-res is for frames that the CPU decodes"),
                            (("--task", "flow"), "takes frames from the CPU's memory")):
            r = longtake("plan", "--device-profile", self.profile, "--decoder", "nvdec", *words, self.clip)
            self.assertIn(r.returncode, (64, 65))
            self.assertIn(says, r.stderr)
            r = longtake("run", *words, "--device", "cuda", "--weights", "synthetic:7", "--decoder", "nvdec", "--out", self.folder / "none", self.clip)
            self.assertIn(r.returncode, (64, 65))
            self.assertIn(says, r.stderr)
        r = longtake("plan", "--decoder", "nvdec", *WORDS, self.clip)
        self.assertEqual(r.returncode, 69)
        self.assertIn("--device-profile of a GPU", r.stderr)


if __name__ == "__main__":
    harness.main()
