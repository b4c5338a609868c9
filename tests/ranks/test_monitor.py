"""What a run shows and keeps of its memory and time: lines while it runs, warnings, metrics.prom, rows and plans of the result.

SHOW_ROWS is the program that prints a result's rows (show_rows.c).
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

SHOW_ROWS = os.environ.get("SHOW_ROWS", str(harness.ROOT / "build/cpu/tests/show_rows"))
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
AMOUNT = r"([\d.]+) (B|KiB|MiB|GiB)"
SANITIZED = re.search(r"lib[at]san", subprocess.run(["ldd", harness.LONGTAKE], text=True, stdout=subprocess.PIPE).stdout) is not None
# Bytes in words have three digits at least.
ROUNDING = 1.005


def amounts(line):
    return [float(x) * UNITS[u] for x, u in re.findall(AMOUNT, line)]


def rows(result):
    done = subprocess.run([SHOW_ROWS, result], text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def metrics(path):
    """{(sample, labels): value} of a file in the text format; fails where it is none."""
    found, announced, family = {}, [], None
    lines = path.read_text().split("\n")
    assert lines[-2:] == ["# EOF", ""], lines[-2:]
    for line in lines[:-2]:
        if m := re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line):
            assert m[1] not in announced, f"{m[1]} is announced twice"
            announced.append(m[1])
            family = m[1] + ("_total" if m[2] == "counter" else "")
        elif not re.fullmatch(r"# HELP \w+ .+", line):
            m = re.fullmatch(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\.)*",?)+)\})? (\S+)', line)
            assert m and m[1] == family, f"'{line}' under {family}"
            key = m[1], tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or ""))
            assert key not in found, line
            found[key] = float(m[3])
    return found


def of(found, name, **labels):
    """The values of a family whose labels are these."""
    return [v for (n, have), v in found.items() if n == name and set(labels.items()) <= set(have)]


class Monitor(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 100, size="112x70")

    def check_lines(self, text, ranks):
        """At least one line for each rank and one for the host; nothing is beyond its plan."""
        devices = re.findall(r"memory of rank (\d+), [^:]+: (planned .*)", text)
        hosts = re.findall(r"memory of host \S+, (\d+) ranks? with their arenas: (planned .*)", text)
        self.assertEqual({int(r) for r, _ in devices}, set(range(ranks)), text)
        self.assertGreater(len(hosts), 1, text)
        self.assertEqual({int(n) for n, _ in hosts}, {ranks})
        for _, line in devices + hosts:
            self.assertIn(len(amounts(line)), (2, 3), line)
            if not SANITIZED:
                self.assertLessEqual(max(amounts(line)[1:]), amounts(line)[0] * ROUNDING, line)
        self.assertEqual(len(amounts(devices[-1][1])), 3, "no peak is known at the end")
        last = re.search(r"memory(?: of a rank \(\d+ ranks\))?: (device .* planned, .* used at most; host .* planned with it, .* held at most)", text)
        self.assertTrue(last, text)
        return amounts(last[1])

    def check_result(self, out, text, ranks):
        found, result = metrics(out / "metrics.prom"), rows(out / "clip.h5")
        made = result["rows"]
        summed = self.check_lines(text, ranks)
        self.assertEqual(sum(of(found, "longtake_frames_total")), 100)
        self.assertEqual(sum(of(found, "longtake_segments_total")), 3)
        self.assertEqual(set(of(found, "longtake_planned_bytes")), {r["planned_bytes"] for r in made})
        self.assertEqual(set(of(found, "longtake_host_planned_bytes")), {r["host_planned_bytes"] for r in made})
        for r in made:
            seen, = of(found, "longtake_observed_bytes", rank=str(r["rank"]))
            most, = of(found, "longtake_host_observed_bytes", rank=str(r["rank"]))
            self.assertLessEqual(r["observed_bytes"], seen)
            self.assertLessEqual(r["host_observed_bytes"], most)
            self.assertGreater(r["host_observed_bytes"], r["observed_bytes"] // 2)
            if not SANITIZED:
                self.assertLessEqual(r["host_observed_bytes"], r["host_planned_bytes"])
            parts = [r[f"seconds_{k}"] for k in ("decode", "network", "store")]
            self.assertTrue(all(p >= 0 for p in parts))
            self.assertGreater(r["seconds_network"], 0)
            self.assertLessEqual(sum(parts), r["seconds"] * (1 + 1e-9))
        for rank in {str(r["rank"]) for r in made}:
            mine = [r for r in made if str(r["rank"]) == rank]
            frames, = of(found, "longtake_waiting_seconds_total", rank=rank, cause="frames")
            network = sum(sum(of(found, "longtake_stage_seconds_total", rank=rank, stage=s)) for s in ("prepare", "encode", "window", "flow"))
            self.assertAlmostEqual(sum(r["seconds_decode"] for r in mine), frames, 6)
            # On a CPU nobody waits for maps, but looking takes its microseconds.
            self.assertAlmostEqual(sum(r["seconds_network"] for r in mine), network, 3)
            seconds, = of(found, "longtake_seconds_total", rank=rank)
            self.assertAlmostEqual(sum(of(found, "longtake_stage_seconds_total", rank=rank)), seconds, 6)
            waited, = of(found, "longtake_wait_seconds_total", rank=rank)
            self.assertAlmostEqual(sum(of(found, "longtake_waiting_seconds_total", rank=rank)), waited, 6)
        for name, value in zip(("longtake_planned_bytes", "longtake_observed_bytes", "longtake_host_planned_bytes", "longtake_host_observed_bytes"), summed):
            self.assertLess(abs(max(of(found, name)) / value - 1), ROUNDING - 1, name)
        for queue in ("frames decoded ahead", "frames to write", "halo records"):
            self.assertEqual(len(of(found, "longtake_queue_depth", queue=queue)), ranks)
        return found, result

    def check_plan(self, result, task, *words):
        """Every row names a plan, and it is what `plan` says for the same."""
        self.assertEqual({r["plan"] for r in result["rows"]}, set(range(len(result["plans"]))))
        said = harness.longtake("plan", "--task", task, *words, self.clip).text
        planned = {r["planned_bytes"] for r in result["rows"]}
        for text in result["plans"]:
            bytes_, = map(int, re.findall(r"^arena of each rank: .* \((\d+) bytes\)", text, re.M))
            self.assertEqual({bytes_}, planned)
            for part in ("  -> ", "arena of each rank", "host memory of each rank"):
                line = next(x for x in said.splitlines() if x.startswith(part))
                self.assertIn(line, text)

    def test_depth_on_two_ranks(self):
        depth.needs_stub()
        out = self.dir / "depth"
        r = harness.longtake(*depth.words(out, self.clip, "--monitor", "0.2", "--threads", 1, env={"LT_DEPTH_STUB": "150"}, quiet=False), ranks=2,
                             env={"LT_DEPTH_STUB": "150"})
        self.exits(r, "done")
        found, result = self.check_result(out, r.text, 2)
        self.assertGreater(sum(of(found, "longtake_stage_seconds_total", stage="window")), 0.15 * 5 - 0.01)
        if not SANITIZED:
            self.assertNotIn("warning", r.text)
        # The stand-in's plan is its own, and `plan` is asked with it.
        self.assertEqual(len(result["plans"]), 1)
        self.assertIn("--task depth on cpu", result["plans"][0])
        quiet = self.dir / "quiet"
        r = harness.longtake(*depth.words(quiet, self.clip, "--monitor", "0.2"), env=depth.STUB)
        self.exits(r, "done")
        self.assertEqual(r.text, "")
        self.assertEqual(harness.content_hash(quiet / "clip.h5"), harness.content_hash(out / "clip.h5"))

    def test_flow_and_its_plan(self):
        out = self.dir / "flow"
        words = ("--preset", "fast", "--threads", 1, "--host-memory-limit", "300MiB", "--memory-limit", "100MiB")
        r = harness.longtake("run", "--task", "flow", "--out", out, "--segment-frames", 44, "--monitor", "0.2", *words, self.clip)
        self.exits(r, "done")
        _, result = self.check_result(out, r.text, 1)
        self.check_plan(result, "flow", *words)

    def test_metrics_are_written_while_it_runs(self):
        depth.needs_stub()
        out, env = self.dir / "live", {"LT_DEPTH_STUB": "600"}
        job = harness.Job(harness.command(*depth.words(out, self.clip, env=env)), env=env)
        seen = None
        while job.process.poll() is None and seen is None:
            if (out / "metrics.prom").exists():
                seen = metrics(out / "metrics.prom")
            time.sleep(0.05)
        self.assertEqual(job.wait(), 0, job.output())
        self.assertIsNotNone(seen, "nothing was written before the end")
        self.assertEqual(of(seen, "longtake_job_exit_code"), [])
        self.assertLess(sum(of(seen, "longtake_frames_total")), 100)
        self.assertEqual(of(seen, "longtake_job_frames", state="all"), [100])
        self.assertEqual(of(metrics(out / "metrics.prom"), "longtake_job_exit_code"), [0])

    def test_frames_without_a_value_are_counted(self):
        pictures = depth.pictures(self.dir / "pictures", 60, bad=(3, 4, 30))
        out = self.dir / "bad"
        words = ("run", "--task", "flow", "--preset", "fast", "--segment-frames", 16, "--out", out, pictures)
        r = harness.longtake(*words, ranks=2)
        self.exits(r, "data")
        lost = depth.verify(out / "pictures.h5")["unreadable_frames"]
        self.assertEqual(lost, 5)
        self.assertEqual(of(metrics(out / "metrics.prom"), "longtake_job_frames", state="failed"), [lost])
        self.assertEqual(of(metrics(out / "metrics.prom"), "longtake_videos", state="failed"), [1])
        # How many an earlier run lost is not known to the next one.
        self.exits(harness.longtake(*words), "data")
        self.assertEqual(of(metrics(out / "metrics.prom"), "longtake_job_frames", state="failed"), [])

    def test_a_limit_that_is_near_is_told_once(self):
        """Frames decoded ahead fill nearly all of the host memory that the job may use."""
        if SANITIZED:
            self.skipTest("a sanitizer keeps what was freed")
        big = self.dir / "big.mp4"
        harness.ffmpeg("-f", "lavfi", "-i", "color=gray:size=320x180:rate=25", "-frames:v", 4600, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", big)
        words = ("--task", "flow", "--preset", "fast", "--prefetch", 4500, "--threads", 1, "--segment-frames", 4600)
        planned = json.loads(harness.longtake("plan", "--json", *words, big).text)["host_bytes"]
        out = self.dir / "near"
        job = harness.Job(harness.command("run", "--out", out, *words, "--host-memory-limit", planned, "--monitor", "0.5", big))
        end = time.monotonic() + 120
        while job.process.poll() is None and "nearly used up" not in job.output() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.6)
        job.end()
        said = [line for line in job.output().splitlines() if "nearly used up" in line]
        self.assertEqual(len(said), 1, job.output())
        self.assertIn("--host-memory-limit", said[0])
        self.assertIn("frames decoded ahead", said[0])
        held, limit = amounts(said[0])[:2]
        self.assertLess(abs(limit / planned - 1), ROUNDING - 1)
        self.assertGreaterEqual(held * ROUNDING, 0.9 * limit)
        self.assertNotIn("beyond its plan", job.output())


if __name__ == "__main__":
    harness.main()
