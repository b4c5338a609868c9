"""`longtake doctor` and `run --device` with the GPUs, drivers and failures of the fake runtime (tests/cuda_fake/cuda_fake.h)."""
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness                                    # noqa: E402

SECONDS = 60
NVML = os.environ.get("LT_FAKE_NVML", "")


def longtake(*words, fake, env=None):
    return harness.call(*words, env={"LT_FAKE_CUDA": fake, **(env or {})}, cwd=tempfile.gettempdir(), timeout=SECONDS)


def doctor(fake, env=None):
    """Its JSON; exit code and `ready` agree with the problems it lists."""
    r = longtake("doctor", "--json", fake=fake, env=env)
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
        self.assertIn("--device cuda", report["recommended"])
        for library in ("CUDA", "cuBLASLt", "cuDNN", "NCCL"):
            self.assertRegex(report["versions"][library], r"^\d+\.\d+")

    def test_a_rank_of_a_launcher(self):
        env = {"OMPI_COMM_WORLD_LOCAL_RANK": 5, "OMPI_COMM_WORLD_LOCAL_SIZE": 6}
        report = doctor("gpus=4", env)
        self.assertIn("GPU 1", report["gpu"]["computes_on"])
        self.assertIn("6 ranks share the 4 GPUs of this node", report["notes"])

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
                self.assertNotIn("--device", report["recommended"])

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
                self.assertIn("--device cpu", report["recommended"])
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
        self.assertTrue(any("3.00 GiB of GPU 0" in note for note in report["notes"]), report["notes"])
        self.assertEqual(gpu["taken_when_opened_bytes"], 256 << 20)
        report = doctor("ecc", {"LD_LIBRARY_PATH": NVML})
        self.assertTrue(any("1 errors of its memory" in note for note in report["notes"]), report["notes"])


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
