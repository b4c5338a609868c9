"""bench: a sweep over limits and what it writes, ratios to an earlier bench, and refusals as a user meets them."""
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

DEPTH = ["--task", "depth", "--device", "cpu"]
TINY = [*DEPTH, "--size", "28x14"]


def bench(*words):
    return subprocess.run(harness.command("bench", *words), capture_output=True, text=True, timeout=200, env=harness.clean_environment())


def rows_of(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


class Sweep(harness.Case):
    def test_every_limit_is_planned_and_run_alike(self):
        """What the table says of a limit, `plan` says too; bytes held are those planned; the maps are the same in every row."""
        table = self.dir / "small.csv"
        r = bench(*DEPTH, "--size", "28x28", "--precision", "f32", "--sweep", "--output", table)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertRegex(r.stderr, r"\d+ runs, [\d.]+ TFLOP: at least [\d.]+ minutes")
        rows = rows_of(table)
        self.assertEqual(len(r.stdout.splitlines()), len(rows))
        self.assertEqual([x["fits"] for x in rows], ["no"] + ["yes"] * (len(rows) - 1))
        none, rest = rows[0], rows[1:]
        self.assertIn("needs at least", none["why_not"])
        self.assertEqual((none["observed_bytes"], none["hash"], none["frames_per_second"]), ("", "", ""))
        self.assertEqual(int(none["planned_bytes"]), int(none["memory_limit"]) + 1)
        limits = [int(x["memory_limit"]) for x in rows]
        self.assertEqual(limits, sorted(set(limits)))
        self.assertEqual(len({x["hash"] for x in rest}), 1, "a limit changed the maps")
        self.assertEqual(len(rest[0]["hash"]), 32)
        for x in rest:
            self.assertEqual(x["observed_bytes"], x["planned_bytes"])
            self.assertLessEqual(int(x["planned_bytes"]), int(x["memory_limit"]))
            self.assertAlmostEqual(float(x["seconds_per_frame"]) * float(x["frames_per_second"]), 1, 2)
        self.assertEqual([int(x["rung"]) for x in rest], sorted((int(x["rung"]) for x in rest), reverse=True))
        self.assertEqual(rest[-1]["rung"], "0")
        self.assertEqual({x["streamed"] for x in rest}, {"yes", "no"})
        for x in rows:
            said = subprocess.run(harness.command("plan", "--json", "--task", "depth", "--size", "28x28", "--input-size", "28", "--memory-limit", x["memory_limit"]),
                                  capture_output=True, text=True, timeout=60, env=harness.clean_environment())
            self.assertEqual(said.returncode, 0 if x["fits"] == "yes" else 69, said.stderr)
            if x["fits"] == "yes":
                plan = json.loads(said.stdout)
                setting = plan["videos"][0]["setting"]
                self.assertEqual(plan["planned_bytes"], int(x["planned_bytes"]))
                self.assertEqual([setting["micro_batch"], setting["tile"], setting["band"]], [int(x["micro_batch"]), int(x["tile"]), int(x["band"])])
        data = (self.dir / "small.png").read_bytes()
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(int.from_bytes(data[16:20], "big"), 1400)

    def test_what_is_given_narrows_it_and_standard_output_takes_it(self):
        r = bench(*TINY, "--sweep", "--micro-batch", "1", "--tile", "16", "--band", "14", "--stream-weights", "off")
        self.assertEqual(r.returncode, 0, r.stderr)
        rows = list(csv.DictReader(r.stdout.splitlines()))
        self.assertEqual([x["fits"] for x in rows], ["no", "yes", "yes"])
        self.assertEqual({(x["micro_batch"], x["tile"], x["band"], x["streamed"]) for x in rows}, {("1", "16", "14", "no")})

    def test_ctrl_c_leaves_a_whole_table(self):
        table = self.dir / "stopped.csv"
        p = subprocess.Popen(harness.command("bench", *DEPTH, "--size", "126x126", "--sweep", "--output", table), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             text=True, env=harness.clean_environment())
        end = time.monotonic() + 100
        while (not table.exists() or table.read_text().count("\n") < 3) and time.monotonic() < end and p.poll() is None:
            time.sleep(0.05)
        os.kill(p.pid, signal.SIGINT)
        message = p.communicate(timeout=60)[1]
        self.assertEqual(p.returncode, 75, message)
        self.assertIn("the table holds what was done", message)
        text = table.read_text()
        self.assertTrue(text.endswith("\n"))
        rows = rows_of(table)
        self.assertGreaterEqual(len(rows), 2)
        for x in rows:
            self.assertNotIn(None, x)
            self.assertNotIn(None, x.values())
        self.assertEqual((self.dir / "stopped.png").read_bytes()[:4], b"\x89PNG")


class Compare(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.old = json.loads(bench(*TINY, "--json").stdout)

    def against(self, *words, name="old.json", **changes):
        path = self.dir / name
        path.write_text(json.dumps({**self.old, **changes}))
        return bench(*TINY, "--compare", path, *words)

    def test_ratios(self):
        """Bytes do not change from run to run, so their ratios are known beforehand; every figure of both is there."""
        r = self.against("--json", weight_bytes=2 * self.old["weight_bytes"], machine="Abacus", threads=self.old["threads"] + 1)
        self.assertEqual(r.returncode, 0, r.stderr)
        said = json.loads(r.stdout)
        figures = said["figures"]
        self.assertEqual(figures["weight_bytes"]["ratio"], 0.5)
        self.assertEqual(figures["planned_bytes"]["ratio"], 1)
        f = figures["frames_per_second"]
        self.assertAlmostEqual(f["ratio"], f["new"] / f["old"], 3)
        self.assertEqual(f["old"], self.old["frames_per_second"])
        for stage in self.old["stages"]:
            self.assertEqual(figures[f"stages.{stage['name']}.seconds"]["old"], stage["seconds"])
        for kernel in self.old["kernels"]:
            self.assertIn(f"kernels.{kernel['name']}.gflops", figures)
        self.assertEqual(len(said["warnings"]), 2)
        self.assertIn("machine was Abacus", r.stderr)
        self.assertIn("threads", r.stderr)

    def test_text(self):
        r = self.against(planned_bytes=4 * self.old["planned_bytes"], kernels=self.old["kernels"][:1])
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stderr, "")
        self.assertRegex(r.stdout, rf"planned_bytes +{4 * self.old['planned_bytes']} +{self.old['planned_bytes']} bytes +0\.250\n")
        self.assertEqual(r.stdout.count("kernels."), 2 if self.old["kernels"][0]["gflops"] else 1)

    def refused(self, r, code, says):
        self.assertEqual((r.returncode, r.stdout), (code, ""), r.stderr)
        self.assertEqual(r.stderr.count("\n"), 1, r.stderr)
        self.assertIn(says, r.stderr)

    def test_what_cannot_be_compared(self):
        self.refused(self.against(width=42), 64, "the size was 42x14 and is 28x14 now")
        self.refused(self.against(model="vda-vitl"), 64, "the model was vda-vitl and is vda-vits now")
        self.refused(self.against(precision="f16"), 64, "the precision was f16 and is f32 now")
        self.refused(self.against(task="flow"), 64, "the task was flow and is depth now")

    def test_bad_files(self):
        self.refused(bench(*TINY, "--compare", self.dir / "absent.json"), 64, "there is no such file")
        bad = self.dir / "bad.json"
        for text, says in (("", "line"), ('{"task": "depth"', "line"), ("[1]", "no object"), ('{"task": "depth"}', 'no "model"'),
                           (json.dumps({**self.old, "stages": 3}), 'no "stages"'), (json.dumps({**self.old, "width": "wide"}), 'no "width"')):
            bad.write_text(text)
            self.refused(bench(*TINY, "--compare", bad), 65, says)
        self.refused(bench(*TINY, "--compare", self.dir), 65, "is not a file")

    def test_words_that_do_not_go_together(self):
        for words, says in ((["--sweep", "--compare", "x"], "give one of them"), (["--output", "x.csv"], "add --sweep"), (["--sweep", "--json"], "leave --json out"),
                            (["--sweep", "--trace", "x"], "leave --trace out")):
            self.refused(bench(*TINY, *words), 64, says)
        self.refused(bench(*DEPTH, "--size", "30x30", "--sweep"), 64, "multiples of 14")
        self.refused(bench("--task", "flow", "--sweep"), 64, "bench measures --task depth")
        self.refused(bench(*TINY, "--sweep", "--output", self.dir / "absent/t.csv"), 74, "cannot be written")


if __name__ == "__main__":
    unittest.main()
