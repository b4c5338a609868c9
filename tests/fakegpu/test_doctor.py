"""`longtake doctor` and `run --device` with the GPUs, drivers and failures of the fake runtime (tests/cuda_fake/cuda_fake.h)."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness                                    # noqa: E402

SECONDS = 120
NVML = os.environ.get("LT_FAKE_NVML", "")


def longtake(*words, fake, env=None):
    return harness.call(*words, env={"LT_FAKE_CUDA": fake, **(env or {})}, cwd=tempfile.gettempdir(), timeout=SECONDS)


def doctor(fake, env=None, words=()):
    """Its JSON; exit code and `ready` agree with the problems it lists."""
    r = longtake("doctor", "--json", *words, fake=fake, env=env)
    report = json.loads(r.stdout)
    assert report["ready"] == (not report["problems"]), report
    assert r.returncode == (0 if report["ready"] else 69), (r.returncode, report["problems"], r.stderr)
    return report


class Doctor(unittest.TestCase):
    def test_two_gpus(self):
        report = doctor("gpus=2,sm=90,sms=132,memory=8GiB,name=Fake")
        gpu = report["gpu"]
        self.assertTrue(report["ready"])
        self.assertTrue(gpu["cuda_built"])
        self.assertEqual(len(gpu["gpus"]), 2)
        one = gpu["gpus"][1]
        self.assertEqual((one["architecture"], one["multiprocessors"], one["memory_bytes"]), ("sm_90", 132, 8 << 30))
        self.assertIn("Fake", one["name"])
        self.assertRegex(one["uuid"], "^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertNotEqual(one["uuid"], gpu["gpus"][0]["uuid"])
        self.assertIn("GPU 0", gpu["computes_on"])
        self.assertGreater(gpu["plan_may_use_bytes"], 4 << 30)
        self.assertLessEqual(gpu["plan_may_use_bytes"] + gpu["driver_and_libraries_bytes"], 0.9 * (8 << 30))
        for line in ("one_process", "all_devices"):
            self.assertIn("--device cuda", report["recommended"][line])
        self.assertIn("-n 2 ", report["recommended"]["all_devices"])
        for library in ("CUDA", "cuBLASLt", "cuDNN", "NCCL"):
            self.assertRegex(report["versions"][library], r"^\d+\.\d+")

    def test_ranks_of_a_launcher(self):
        """Ranks that share a GPU share its memory, and the plan is for the rank that may use least, as in a run."""
        if not shutil.which("mpirun"):
            self.skipTest("no mpirun")
        env = harness.clean_environment(LT_FAKE_CUDA="gpus=2,sm=90,sms=132,memory=8GiB")
        r = subprocess.run([harness.MPIRUN, "-n", "3", harness.LONGTAKE, "doctor", "--json"], env=env, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(r.returncode, 0, r.stderr)
        report = json.loads(r.stdout)
        ranks = report["ranks"]["by_rank"]
        self.assertEqual([re.match(r"GPU \d", x["device"]).group() for x in ranks], ["GPU 0", "GPU 1", "GPU 0"])
        may = [x["plan_may_use_bytes"] for x in ranks]
        self.assertLess(may[0], 0.6 * may[1])
        self.assertEqual(report["memory"]["device_may_use_bytes"], min(may))
        self.assertEqual({row["available_bytes"] for row in report["models"]}, {min(may)})
        self.assertIn("3 ranks share the 2 GPUs of this node", report["notes"])

    def test_visible_devices(self):
        report = doctor("gpus=4", {"CUDA_VISIBLE_DEVICES": "3"})
        self.assertEqual(len(report["gpu"]["gpus"]), 1)
        self.assertEqual(report["launcher"]["CUDA_VISIBLE_DEVICES"], "3")

    def test_no_gpu_at_all_is_no_problem(self):
        for fake in ("nodriver", "nodevice"):
            with self.subTest(fake):
                report = doctor(fake)
                self.assertTrue(report["ready"])
                self.assertEqual(report["gpu"]["computes_on"], "the CPU")
                self.assertEqual(report["gpu"]["gpus"], [])
                self.assertTrue(any("computing on the CPU" in note for note in report["notes"]), report["notes"])
                self.assertNotIn("--device", report["recommended"]["one_process"])

    def test_what_a_run_would_fail_with(self):
        cases = {
            "driver=12040": "the NVIDIA driver.* knows CUDA 12.4, this build needs 13",
            "busy": "GPU 0 .*busy",
            "ecc": "cannot be corrected",
            "sm=70": "sm_70 and this build holds no code",
            "memory=1GiB": "driver and CUDA's libraries",
            "fail=cudaGetDeviceCount:1:cudaErrorUnknown,fail=cudaGetDeviceCount:2:cudaErrorUnknown": "NVRM: Xid",
        }
        for fake, says in cases.items():
            with self.subTest(fake):
                report = doctor(fake)
                self.assertFalse(report["ready"])
                self.assertEqual(len(report["problems"]), 1, report["problems"])
                self.assertRegex(report["problems"][0], says)
                self.assertIn("--device cpu", report["recommended"]["one_process"])
                self.assertEqual(report["models"], [])
                self.assertNotIn("computes_on", report["gpu"])

    def test_text(self):
        r = longtake("doctor", fake="gpus=2,memory=8GiB")
        self.assertEqual(r.returncode, 0)
        self.assertRegex(r.stdout, r"(?m)^  gpu 1\n    name +\S")
        self.assertRegex(r.stdout, r"(?m)^    memory +8192\.0 MiB$")
        self.assertRegex(r.stdout, r"(?m)^ready: yes$")
        r = longtake("doctor", fake="busy")
        self.assertEqual(r.returncode, 69)
        self.assertRegex(r.stdout, r"(?m)^PROBLEM: GPU 0 ")
        self.assertRegex(r.stdout, r"(?m)^ready: no$")

    @unittest.skipUnless(NVML and os.path.isdir(NVML), "no library of the driver's in this build")
    def test_what_the_driver_tells(self):
        report = doctor("gpus=2,memory=8GiB,others=3GiB", {"LD_LIBRARY_PATH": NVML})
        gpu = report["gpu"]
        self.assertTrue(gpu["driver"])
        self.assertEqual(gpu["gpus"][0]["others_bytes"], 3 << 30)
        self.assertEqual(gpu["gpus"][0]["free_bytes"], 5 << 30)
        self.assertEqual([(x["pid"], x["bytes"]) for x in gpu["gpus"][0]["used_by"]], [(1, 3 << 30)])
        self.assertTrue(any("3.00 GiB of GPU 0" in note for note in report["notes"]), report["notes"])
        self.assertEqual(gpu["taken_when_opened_bytes"], 256 << 20)
        report = doctor("ecc", {"LD_LIBRARY_PATH": NVML})
        self.assertTrue(any("1 errors of its memory" in note for note in report["notes"]), report["notes"])


ONE = "gpus=1,sm=90,sms=132,memory=8GiB,name=Fake"
OVERHEAD = 960 << 20
PROFILE = "device: cuda\nname: Fake\ncapability: 9.0\nmultiprocessors: 132\nmemory: 8GiB\nusable: 8GiB\noverhead: 960MiB\n"


class Models(harness.Case):
    def plan(self, row, *words):
        profile = self.dir / "fake.yaml"
        profile.write_text(PROFILE)
        model = ["--model", row["model"]] if row["model"] else []
        r = longtake("plan", "--json", "--task", row["task"], *model, "--size", row["frames"], "--device-profile", str(profile), *words, fake=ONE)
        return json.loads(r.stdout), r.stderr

    def test_as_plan_says(self):
        for row in doctor(ONE)["models"]:
            with self.subTest(row["model"], frames=row["frames"]):
                said, message = self.plan(row)
                self.assertTrue(row["full_quality"])
                self.assertEqual((row["planned_bytes"], row["host_bytes"]), (said["planned_bytes"], said["host_bytes"]), message)
                self.assertEqual(row["precision"], "f16" if row["model"] else None)

    def test_at_a_limit(self):
        limit = ["--memory-limit", str(OVERHEAD + (300 << 20))]
        rows = doctor(ONE, words=limit)["models"]
        self.assertEqual({row["available_bytes"] for row in rows}, {300 << 20})
        self.assertEqual([row["model"] for row in rows if row["fits"]], ["vits", "vits", "vitb", None])
        for row in (rows[1], rows[4]):
            said, message = self.plan(row, *limit)
            self.assertEqual(said["fits"], row["fits"])
            if row["fits"]:
                self.assertEqual(row["planned_bytes"], said["planned_bytes"])
                self.assertNotEqual(row["gives_up"], "nothing")
            else:
                self.assertEqual(row["needs"].split(": ", 1)[1], message.strip().split(": ", 2)[2])

    def test_nothing_fits(self):
        report = doctor(ONE, words=["--memory-limit", str(OVERHEAD + (1 << 20))])
        self.assertFalse(report["ready"])
        self.assertRegex(report["problems"][0], "^nothing fits .* 1.00 MiB may be used")
        self.assertEqual(set(report["recommended"].values()), {None})

    def test_the_memory_of_the_gpu_is_left_alone(self):
        self.assertTrue(doctor(ONE + ",fail=cudaMalloc:1,fail=launch:1")["ready"])

    def test_a_recommended_line(self):
        harness.clip(self.dir / "film.mp4", 3, size="64x48")
        line = doctor(ONE, words=["--out", str(self.dir / "out")])["recommended"]["one_process"]
        r = harness.shell(line, cwd=self.dir, env={"LT_FAKE_CUDA": ONE}, timeout=SECONDS)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(longtake("verify", str(self.dir / "out" / "film.h5"), fake=ONE).returncode, 0)


class Profile(harness.Case):
    @unittest.skipUnless(NVML and os.path.isdir(NVML), "no library of the driver's in this build")
    def test_plan_takes_it(self):
        """A context of the fake takes 256 MiB, and its libraries nothing: what is ours is told apart to the byte."""
        path = self.dir / "here.yaml"
        r = longtake("doctor", "--profile", "--memory-limit", str(OVERHEAD + (100 << 20)), "--output", str(path), fake=ONE + ",others=1GiB", env={"LD_LIBRARY_PATH": NVML})
        self.assertEqual((r.returncode, r.stdout), (0, ""), r.stderr)
        text = path.read_text()
        for line in ("device: cuda", "capability: 9.0", "multiprocessors: 132", "memory: 8GiB", "usable: 7GiB", "overhead: 256MiB"):
            self.assertIn(f"\n{line}\n", text)
        rates = {k: float(v) for k, v in re.findall(r"^  (f32|tf32|f16|bf16|bandwidth): (\S+)$", text, re.M)}
        self.assertEqual(len(rates), 5, text)
        self.assertTrue(all(v > 0 for v in rates.values()), text)
        self.assertRegex(text, r'(?m)^  overhead-source: "measured by longtake doctor --profile on \d{4}-\d\d-\d\d, .*vits \d+x\d+"$')
        r = longtake("plan", "--json", "--task", "depth", "--size", "518x518", "--frames", "50", "--device-profile", str(path), fake="nodriver")
        said = json.loads(r.stdout)
        self.assertEqual(said["overhead_bytes"], 256 << 20)
        self.assertAlmostEqual(said["seconds_at_least"], said["tflop"] / rates["f16"], delta=1e-3 * said["seconds_at_least"])

    def test_where_the_driver_does_not_tell(self):
        """Then the overhead is the estimate, and says so. Turing has neither tf32 nor bf16."""
        r = longtake("doctor", "--profile", "--memory-limit", str((640 + 100) << 20), fake="gpus=1,sm=75,sms=40,memory=4GiB,name=Old")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stdout, r"(?m)^overhead: 640MiB$")
        self.assertRegex(r.stdout, r'(?m)^  overhead-source: "estimated')
        self.assertEqual(re.findall(r"^  (tf32|bf16):", r.stdout, re.M), [])

    def test_a_gpu_that_fails(self):
        path = self.dir / "none.yaml"
        r = longtake("doctor", "--profile", "--output", str(path), fake=ONE + ",fail=cudaMalloc:1")
        self.assertEqual(r.returncode, 69)
        self.assertFalse(path.exists())


class Run(unittest.TestCase):
    """What --device does before a job begins."""

    def run_on(self, device, fake):
        with tempfile.TemporaryDirectory() as out:
            return longtake("run", "--task", "flow", "--device", device, "--out", os.path.join(out, "job"), os.path.join(out, "absent.mp4"), fake=fake)

    def test_cuda_where_there_is_none(self):
        for fake, says in (("nodriver", "NVIDIA driver"), ("nodevice", "nvidia-smi"), ("driver=12040", "update the driver"), ("busy", "busy")):
            with self.subTest(fake):
                r = self.run_on("cuda", fake)
                self.assertEqual(r.returncode, 69, r.stderr)
                self.assertIn(says, r.stderr)

    def test_auto_is_no_silent_fall_back(self):
        r = self.run_on("auto", "driver=12040")
        self.assertEqual(r.returncode, 69, r.stderr)
        r = self.run_on("auto", "nodriver")
        self.assertEqual(r.returncode, 65, r.stderr)
        self.assertIn("computing on the CPU", r.stderr)

    def test_cpu_asks_no_driver(self):
        r = self.run_on("cpu", "driver=12040")
        self.assertEqual(r.returncode, 65, r.stderr)
        self.assertNotIn("CUDA", r.stderr)


if __name__ == "__main__":
    harness.main()
