"""doctor: what it says of this machine is what plan and run do; its command lines work; the profile it measures is one."""
import json
import os
import pathlib
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness                                    # noqa: E402

SECONDS = 100
MIB = 1 << 20
SANITIZED = harness.sanitized()
CHAPTERS = ["versions", "cpu", "gpu", "memory", "limits", "disk", "launcher", "codecs", "models", "ranks", "recommended", "notes", "problems", "ready"]
ROW = {"task", "model", "frames", "input", "device", "fits", "full_quality", "planned_bytes", "available_bytes", "host_bytes", "host_available_bytes",
       "least_bytes", "precision", "setting", "gives_up", "needs"}
# Open MPI's plug-ins keep memory, and are gone when LeakSanitizer asks whose it is: no suppression names them.
MPI_KEEPS = {"ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))}
LINES = {"one_process", "all_devices", "slurm_array"}


def longtake(*words, env=None, **more):
    return harness.call(*words, env=env, timeout=SECONDS, **more)


def doctor(*words, env=None, **more):
    """Its JSON; exit code and `ready` agree with the problems that it lists."""
    r = longtake("doctor", "--json", *words, env=env, **more)
    report = json.loads(r.stdout)
    assert report["ready"] == (not report["problems"]), report
    assert r.returncode == (0 if report["ready"] else 69), (r.returncode, report["problems"], r.stderr)
    return report


def plan(*words):
    r = longtake("plan", "--json", *words)
    return json.loads(r.stdout), r.stderr


class Machine(unittest.TestCase):
    def test_keys(self):
        """They are what scripts rely on."""
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "new", "job")
            report = doctor("--out", out)
            self.assertEqual(os.listdir(folder), [], "doctor leaves nothing behind")
        self.assertEqual(list(report), CHAPTERS)
        self.assertTrue(report["ready"], report["problems"])
        self.assertEqual(report["disk"]["tested"], folder)
        self.assertTrue(report["disk"]["writable"])
        self.assertGreater(report["disk"]["free_bytes"], 0)
        self.assertIn(report["cpu"]["isa"], ("base", "avx2", "avx512"))
        if report["cpu"]["isa"] != "base":
            self.assertIn("avx2", report["cpu"]["features"].split())
        self.assertLessEqual(report["cpu"]["cores_allowed"], os.cpu_count())
        memory = report["memory"]
        self.assertGreater(memory["total_bytes"], memory["available_bytes"])
        self.assertLess(memory["device_may_use_bytes"], memory["total_bytes"])
        for key in ("cgroup_limit_bytes", "slurm_limit_bytes", "process_limits_leave_bytes", "limit_that_binds", "device_bound_by", "host_may_use_bytes", "host_bound_by"):
            self.assertIn(key, memory)
        for name in ("libavcodec", "HDF5", "MPI", "CUDA"):
            self.assertIn(name, report["versions"])
        self.assertIn("ffv1", report["codecs"])
        self.assertEqual({frozenset(row) for row in report["models"]}, {frozenset(ROW)})
        self.assertEqual([(r["model"], r["frames"], r["input"]) for r in report["models"] if r["task"] == "depth"],
                         [(m, f, i) for m in ("vits", "vitb", "vitl") for f, i in (("518x518", "518x518"), ("1280x720", "924x518"))])
        self.assertEqual(set(report["recommended"]), LINES)
        ranks = report["ranks"]
        self.assertEqual((ranks["launched"], ranks["size"], ranks["on_this_machine"], len(ranks["by_rank"])), (False, 1, 1, 1))

    def test_a_place_that_cannot_be_written(self):
        r = longtake("doctor", "--out", "/proc/none")
        self.assertEqual(r.returncode, 69)
        self.assertRegex(r.stdout, "PROBLEM: '/proc' cannot be written")

    def test_shard_of_a_launcher(self):
        env = {"LONGTAKE_SHARD_INDEX": "2", "LONGTAKE_SHARD_COUNT": "5"}
        report = doctor(env=env)
        self.assertEqual(report["launcher"]["shard"], "2 of 5")
        self.assertIn("--shard auto", report["recommended"]["one_process"])
        r = longtake("doctor", env={"LONGTAKE_SHARD_INDEX": "5", "LONGTAKE_SHARD_COUNT": "5"})
        self.assertEqual(r.returncode, 69)
        self.assertIn("PROBLEM", r.stdout)

    def test_a_step_whose_tasks_do_not_know_of_each_other(self):
        report = doctor(env={"SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "0"})
        self.assertRegex(report["problems"][0], "3 tasks that do not know of each other")

    def test_ranks(self):
        """One report for all of them, and one sentence for what is wrong with each."""
        if not shutil.which("mpirun"):
            self.skipTest("no mpirun")
        one = ["-n", "1", harness.LONGTAKE, "doctor", "--json", "--memory-limit"]
        words = [harness.MPIRUN, *one, "900MiB", ":", *one, "600MiB"]
        r = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, env=harness.clean_environment(**MPI_KEEPS))
        self.assertEqual(r.returncode, 0, r.stderr)
        report = json.loads(r.stdout)
        ranks = report["ranks"]
        self.assertEqual((ranks["launched"], ranks["size"], ranks["on_this_machine"]), (True, 2, 2))
        self.assertEqual([(x["rank"], x["plan_may_use_bytes"]) for x in ranks["by_rank"]], [(0, 900 * MIB), (1, 600 * MIB)])
        self.assertEqual({x["available_bytes"] for x in report["models"]}, {600 * MIB}, "any rank may come to do any video")
        self.assertLessEqual(ranks["threads_each"], max(1, os.cpu_count() // 2))

    def test_what_is_wrong_with_some_ranks(self):
        """Said once, of the first that has it."""
        if not shutil.which("mpirun"):
            self.skipTest("no mpirun")
        one = ["-n", "1", harness.LONGTAKE, "doctor", "--json", "--out"]
        with tempfile.TemporaryDirectory() as folder:
            words = [harness.MPIRUN, *one, "/proc/none", ":", *one, folder, ":", *one, "/sys/none", ":", *one, "/sys/none"]
            r = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, env=harness.clean_environment(**MPI_KEEPS))
        self.assertEqual(r.returncode, 69, r.stderr)
        problems = json.loads(r.stdout)["problems"]
        self.assertEqual(len(problems), 2, problems)
        self.assertRegex(problems[0], "^'/proc' cannot be written")
        self.assertRegex(problems[1], "^rank 2 on .+: '/sys' cannot be written")

    def test_what_does_not_go_together(self):
        for words, says in ((["--output", "x.yaml"], "with --profile only"), (["--profile", "--json"], "writes YAML")):
            r = longtake("doctor", *words)
            self.assertEqual((r.returncode, r.stdout), (64, ""), r)
            self.assertIn(says, r.stderr)


class Models(unittest.TestCase):
    def same_as_plan(self, *words, rows=range(7)):
        report = doctor(*words)["models"]
        for row in (report[i] for i in rows):
            model = ["--model", row["model"]] if row["model"] else []
            said, message = plan("--task", row["task"], *model, "--size", row["frames"], *words)
            with self.subTest(row["model"], frames=row["frames"]):
                self.assertEqual(said["fits"], row["fits"])
                setting = said["videos"][0]["setting"]
                if not row["fits"]:
                    self.assertEqual(row["needs"].split(": ", 1)[1], message.strip().split(": ", 2)[2])
                    self.assertEqual(row["least_bytes"], min(x["device_bytes"] for x in said["videos"][0]["ladder"] if x["input_size"] == 518))
                    continue
                self.assertEqual(row["planned_bytes"], said["planned_bytes"])
                self.assertEqual(row["host_bytes"], said["host_bytes"])
                if row["model"]:
                    self.assertEqual(row["input"], "%(net_width)dx%(net_height)d" % said["videos"][0]["ladder"][0])
                    self.assertEqual((row["precision"], row["gives_up"]), (setting["precision"], setting["gives_up"]))
                    self.assertIn("tile %d, band %d" % (setting["tile"], setting["band"]), row["setting"])
        return report

    def test_all_of_it(self):
        rows = self.same_as_plan()
        if min(r["available_bytes"] for r in rows) > 4 << 30:
            self.assertTrue(all(r["full_quality"] and r["needs"] is None for r in rows), rows)

    def test_at_a_limit_that_some_fit_in(self):
        """Some at the first rung, some at a lower one, and the rest not, with what they would need."""
        whole = {(r["model"], r["frames"]): r["planned_bytes"] for r in doctor("--precision", "f32")["models"]}
        limit = whole["vits", "1280x720"] - 1
        rows = {(r["model"], r["frames"]): r for r in self.same_as_plan("--precision", "f32", "--memory-limit", str(limit), rows=(0, 1, 3, 6))}
        self.assertEqual(rows["vits", "518x518"]["gives_up"], "nothing")
        self.assertTrue(rows["vits", "1280x720"]["full_quality"])
        self.assertNotEqual(rows["vits", "1280x720"]["gives_up"], "nothing")
        for row in (rows["vitl", "518x518"], rows["vitb", "1280x720"]):
            self.assertFalse(row["fits"])
            self.assertRegex(row["needs"], r"needs at least [\d.]+ [MG]iB of device memory and [\d.]+ MiB may be used: raise --memory-limit to \d+MiB.*--allow")
            self.assertGreater(row["least_bytes"], limit)

    def test_a_smaller_size_where_it_is_allowed(self):
        words = ["--precision", "f32", "--memory-limit", "250MiB", "--allow", "size"]
        row = self.same_as_plan(*words, rows=(1,))[1]
        self.assertEqual((row["fits"], row["full_quality"], row["gives_up"]), (True, False, "size"))
        self.assertRegex(row["needs"], r"^full quality needs at least [\d.]+ MiB of device memory and 250.0 MiB may be used \(--memory-limit\): size is given up$")

    def nothing_fits(self, report, name):
        self.assertFalse(report["ready"])
        self.assertFalse(any(r["fits"] for r in report["models"]))
        self.assertEqual(report["recommended"], dict.fromkeys(LINES))
        self.assertEqual(len(report["problems"]), 1)
        self.assertRegex(report["problems"][0], "^nothing fits in the memory that may be used here: flow: 1280x720 needs at least")
        self.assertIn(name, report["problems"][0])
        for row in report["models"]:
            self.assertRegex(row["needs"], r"needs at least [\d.]+ [MG]iB")
            self.assertIn(name, row["needs"])

    def test_so_small_that_nothing_fits(self):
        """Both forms say which models do not, and what each needs."""
        env = {"SLURM_MEM_PER_NODE": 280}
        report = doctor(env=env)
        self.nothing_fits(report, "SLURM_MEM_PER_NODE")
        r = longtake("doctor", env=env)
        self.assertEqual(r.returncode, 69)
        for row in report["models"]:
            self.assertRegex(r.stdout, r"(?m)^    %s +%s .*DOES NOT FIT\n {11}%s$" % (row["model"] or "flow", row["frames"], re.escape(row["needs"])))
        self.assertRegex(r.stdout, "(?m)^ready: no$")
        self.assertNotIn("recommended for", r.stdout)

    def test_a_process_so_small_that_nothing_fits(self):
        """The program itself still runs there."""
        if SANITIZED:
            self.skipTest("a sanitizer maps terabytes")
        reserve = 256 + 8 * (3 * len(os.sched_getaffinity(0)) + 8)

        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, ((reserve + 64) * MIB, (reserve + 64) * MIB))
        self.nothing_fits(doctor(preexec_fn=limit), "RLIMIT_DATA")


class Advice(harness.Case):
    """The command lines, in a folder with one clip, as a shell reads them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        harness.clip(cls.dir / "film.mp4", 3, size="64x48")

    def shell(self, line, path=None, **env):
        env["PATH"] = os.pathsep.join(([str(path)] if path else []) + [os.environ["PATH"]])
        r = harness.shell(line, cwd=self.dir, env=env, timeout=SECONDS)
        self.assertEqual(r.returncode, 0, r.stderr + r.stdout)
        return r

    def made(self, out):
        self.assertEqual(longtake("verify", self.dir / out / "film.h5").returncode, 0)

    def test_one_process(self):
        """Also where a name needs quotes."""
        out = "it's $HOME; \"out\""
        line = doctor("--memory-limit", "1500MiB", "--threads", "1", "--out", out, cwd=self.dir)["recommended"]["one_process"]
        self.assertIn("--threads 1 --memory-limit 1500MiB", line)
        self.shell(line)
        self.made(out)

    def test_all_cores(self):
        line = doctor(cwd=self.dir, env={"LC_ALL": "C"})["recommended"]["all_devices"]
        if os.cpu_count() < 2 or not shutil.which("mpirun"):
            self.skipTest("one core, or no mpirun")
        self.assertRegex(line, r" -n \d+ ")
        self.shell(line, **MPI_KEEPS)
        self.made("out")

    def test_slurm_array(self):
        """Of a stand-in for sbatch, which runs the tasks here, one after the other, until the one clip is done."""
        tools = self.dir / "tools"
        tools.mkdir()
        sbatch = tools / "sbatch"
        sbatch.write_text("#!/bin/bash\n[[ $1 == --array=0-7 ]] || exit 9\nwhile [[ $1 == --* ]]; do shift; done\n"
                          "for i in 0 1 2 3 4 5 6 7; do\n"
                          "  SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_JOB_ID=1 SLURM_SUBMIT_DIR=$PWD bash \"$@\" || exit\n  [ -e array/film.h5 ] && break\ndone\n")
        sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
        env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        report = doctor("--out", "array", cwd=self.dir, env=env)
        self.assertEqual(report["launcher"]["sbatch"], str(sbatch))
        words = self.shell(report["recommended"]["slurm_array"], tools, **MPI_KEEPS).args
        at = next(i for i, w in enumerate(words) if w.endswith("array.sbatch"))
        harness.check_left(*words[at + 1:], ranks=1, env={"LONGTAKE_SHARD_COUNT": 8}, cwd=self.dir)
        self.made("array")
        self.assertIsNone(doctor(cwd=self.dir, env={"PATH": "/nowhere"})["recommended"]["slurm_array"])

    def test_depth_where_a_checkpoint_lies(self):
        folder = self.dir / "models"
        folder.mkdir()
        self.assertIn("--task flow", doctor(cwd=folder)["recommended"]["one_process"])
        for name in ("vits", "vitb"):
            (folder / f"video_depth_anything_{name}.pth").touch()
        report = doctor("--precision", "f32", cwd=folder)
        self.assertIn("--task depth --model vitb --weights video_depth_anything_vitb.pth", report["recommended"]["one_process"])
        small = doctor("--precision", "f32", "--memory-limit", "500MiB", cwd=folder)
        self.assertIn("--model vits", small["recommended"]["one_process"])

    def test_the_program_by_its_name_where_that_finds_it(self):
        folder = str(pathlib.Path(harness.LONGTAKE).parent)
        line = doctor(env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})["recommended"]["one_process"]
        if pathlib.Path(harness.LONGTAKE).name == "longtake":
            self.assertTrue(line.startswith("longtake run "), line)


class Profile(harness.Case):
    # Small matrices and copies: nobody reads these figures.
    QUICK = ["--device", "cpu", "--memory-limit", "64MiB"]

    def test_plan_takes_it(self):
        path = self.dir / "here.yaml"
        r = longtake("doctor", "--profile", *self.QUICK, "--output", path)
        self.assertEqual((r.returncode, r.stdout), (0, ""), r.stderr)
        text = path.read_text()
        self.assertEqual(os.listdir(self.dir), ["here.yaml"], "no temporary file stays")
        rate = float(re.search(r"^  f32: (\S+)$", text, re.M).group(1))
        self.assertGreater(rate, 0)
        self.assertLess(rate, 0.5 * os.cpu_count(), "TFLOP/s: two units of 16 lanes make 0.064 of them a core and GHz")
        self.assertGreater(float(re.search(r"^  bandwidth: (\S+)$", text, re.M).group(1)), 0)
        for key in ("memory", "usable", "overhead", "rates", "bandwidth"):
            self.assertRegex(text, rf'(?m)^  {key}-source: "measured by longtake doctor --profile on \d{{4}}-\d\d-\d\d, .+"$')
        words = ["--task", "depth", "--size", "518x518", "--frames", "100", "--precision", "f32"]
        said, message = plan(*words, "--device-profile", path)
        self.assertTrue(said["profile"], message)
        self.assertAlmostEqual(said["seconds_at_least"], said["tflop"] / rate, delta=1e-3 * said["seconds_at_least"])
        self.assertEqual(said["planned_bytes"], plan(*words)[0]["planned_bytes"])

    def test_form(self):
        """Keys, their order and their places are those of the profiles that come with the program."""
        def keys(text):
            return re.findall(r"^( *[a-z0-9-]+):", text, re.M)
        mine = longtake("doctor", "--profile", *self.QUICK).stdout
        theirs = keys((harness.ROOT / "configs/devices/h200.yaml").read_text())
        self.assertEqual(keys(mine), [k for k in theirs if k in keys(mine)])
        self.assertLessEqual({"name", "device", "memory", "usable", "overhead", "rates", "  f32", "  bandwidth", "source"}, set(keys(mine)))
        self.assertRegex(mine, r"(?m)^memory: \d+[MG]iB$")

    def test_a_file_that_cannot_be_written(self):
        r = longtake("doctor", "--profile", *self.QUICK, "--output", self.dir / "absent" / "x.yaml")
        self.assertEqual((r.returncode, r.stdout), (74, ""))
        self.assertIn("absent", r.stderr)
        self.assertNotIn("measuring", r.stderr, "it is said before half a minute is spent")

    def test_one_process_only(self):
        r = longtake("doctor", "--profile", env={"OMPI_COMM_WORLD_SIZE": 2})
        self.assertEqual(r.returncode, 64)
        self.assertIn("without mpirun", r.stderr)


if __name__ == "__main__":
    harness.main()
