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
        self.assertGreater(len(ladder), 6)
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


if __name__ == "__main__":
    harness.main()
