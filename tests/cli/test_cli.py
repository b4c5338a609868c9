"""longtake as a user meets it: exit codes, messages, and the pages made from the option table."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

ROOT = str(harness.ROOT)
SECONDS = 60


def longtake(*words, **more):
    return harness.call(*words, timeout=SECONDS, **more)


class Usage(unittest.TestCase):
    def refused(self, words, says):
        r = longtake(*words)
        self.assertEqual(r.returncode, 64, r)
        self.assertIn(says, r.stderr)
        self.assertEqual(r.stderr.count("\n"), 1, "one line, said once: " + r.stderr)
        self.assertTrue(r.stderr.startswith("longtake: "), r.stderr)
        self.assertEqual(r.stdout, "")

    def test_misspelt_names_get_the_nearest(self):
        self.refused(["rnu"], "did you mean 'run'?")
        self.refused(["run", "--preste", "fast", "a.mp4"], "did you mean '--preset'?")
        self.refused(["run", "--out", "o", "--preset", "fats", "a.mp4"], "did you mean 'fast'?")
        self.refused(["run", "--mem=3"], "did you mean '--memory-limit'?")

    def test_values_say_what_is_allowed(self):
        self.refused(["run", "-o", "o", "--compression", "13", "a"], "--compression: '13' is not allowed: give a whole number from 1 to 12")
        self.refused(["run", "-o", "o", "--memory-limit", "lots", "a"], "5.6GiB")
        self.refused(["view", "f.h5", "--rows", "0"], "from 1 to 32")

    def test_missing_and_superfluous_arguments(self):
        self.refused(["run", "a.mp4"], "run needs --out DIR")
        self.refused(["run", "--out", "o"], "run needs a VIDEO")
        self.refused(["status"], "status needs DIR")
        self.refused(["doctor", "now"], "takes no file names")
        self.refused(["run", "-o", "o", "a", "--task", "track"], "not built in this version")

    def test_bare_call_shows_help_and_is_no_success(self):
        r = longtake()
        self.assertEqual(r.returncode, 64)
        self.assertIn("Usage: longtake COMMAND", r.stdout)

    def test_frames_of_an_error_come_with_trace_only(self):
        self.assertNotIn("option_parse.c", longtake("run", "--nope").stderr)
        self.assertIn("option_parse.c", longtake("run", "--nope", env={"LT_TRACE": "1"}).stderr)


class Settings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "job.yaml")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, text):
        with open(self.path, "w") as f:
            f.write(text)

    def test_errors_name_file_and_line(self):
        self.write("task: flow\ninput:\n  fsp: 3\n")
        r = longtake("run", "--config", self.path, "-o", "o", "a.mp4")
        self.assertEqual(r.returncode, 64)
        self.assertIn("%s:3: there is no setting 'fsp', did you mean 'fps'?" % self.path, r.stderr)

    def test_the_command_line_wins(self):
        self.write("end: 5\nstart: 3\n")
        r = longtake("run", "--config", self.path, "-o", "o", "a.mp4", "--end", "2")
        self.assertEqual(r.returncode, 64)
        self.assertIn("--end (2 s) is not after --start (3 s)", r.stderr)


class Output(unittest.TestCase):
    def test_help(self):
        for words in (["--help"], ["help"], ["-h"]):
            r = longtake(*words)
            self.assertEqual((r.returncode, r.stderr), (0, ""))
            self.assertIn("doctor", r.stdout)
        self.assertEqual(longtake("run", "--help").stdout, longtake("help", "run").stdout)
        self.assertIn("--memory-limit BYTES", longtake("run", "-h").stdout)

    def test_version_names_the_libraries(self):
        r = longtake("--version")
        self.assertEqual(r.returncode, 0)
        for name in ("longtake", "libavcodec", "HDF5", "MPI", "libdeflate", "xxHash", "compiler", "CUDA"):
            self.assertRegex(r.stdout, r"(?m)^%s \S" % name)
        self.assertEqual(r.stdout, longtake("version").stdout)
        self.assertEqual(r.stdout, longtake("run", "--version").stdout)

    def test_full_output_device(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            r = subprocess.run([harness.LONGTAKE, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
        self.assertEqual(r.returncode, 74)
        self.assertIn("standard output cannot be written", r.stderr)

    def test_docs_are_current(self):
        with open(os.path.join(ROOT, "docs", "commands.md")) as f:
            self.assertEqual(f.read(), longtake("manual", "markdown").stdout,
                             "run: longtake manual markdown > docs/commands.md")


class Pages(unittest.TestCase):
    def test_manual_page_is_clean(self):
        if not shutil.which("groff"):
            self.skipTest("no groff")
        page = longtake("manual", "man").stdout
        self.assertIn(".TH LONGTAKE 1", page)
        r = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-z"], input=page, capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual((r.returncode, r.stderr), (0, ""))

    def complete(self, *words):
        script = longtake("completion", "bash").stdout
        quoted = " ".join("'%s'" % w for w in words)
        script += "\nCOMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _longtake\n" % quoted
        script += 'printf "%s\\n" "${COMPREPLY[@]}"\n'
        r = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
        self.assertEqual(r.stderr, "")
        return r.stdout.split()

    def test_bash_completes(self):
        if not shutil.which("bash"):
            self.skipTest("no bash")
        self.assertEqual(self.complete("longtake", "st"), ["status"])
        self.assertEqual(self.complete("longtake", "run", "--memory-"), ["--memory-limit", "--memory-fraction"])
        self.assertEqual(self.complete("longtake", "run", "--preset", ""), ["best", "fast"])
        self.assertEqual(self.complete("longtake", "run", "--preset", "=", "f"), ["fast"])
        self.assertEqual(self.complete("longtake", "completion", ""), ["bash", "zsh", "fish"])
        self.assertIn("CMakeLists.txt", self.complete("longtake", "verify", "CMakeL"))
        self.assertEqual(self.complete("longtake", "doctor", "--out", "conf"), ["configs"])

    def test_scripts_parse(self):
        for shell in ("bash", "zsh", "fish"):
            script = longtake("completion", shell)
            self.assertEqual(script.returncode, 0)
            self.assertIn("memory-limit", script.stdout)
            if shutil.which(shell):
                r = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, timeout=SECONDS)
                self.assertEqual((r.returncode, r.stderr), (0, ""), shell)
        self.assertEqual(longtake("completion", "tcsh").returncode, 64)


class Trace(unittest.TestCase):
    def test_bench_writes_a_timeline(self):
        """Every span lies within the run; the operators are those of the network, and the file is JSON to its end."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "t.json")
            r = longtake("bench", "--task", "depth", "--size", "28x14", "--device", "cpu", "--trace", str(path))
            self.assertEqual(r.returncode, 0, r.stderr)
            events = json.loads(path.read_text())
            spans = [e for e in events if e["ph"] == "X"]
            self.assertTrue(all(e["ts"] >= 0 and e["dur"] >= 0 for e in spans))
            names = {e["name"] for e in spans}
            self.assertIn("window", names)
            self.assertTrue(any("blocks.11" in n for n in names), names)
            r = longtake("bench", "--task", "depth", "--size", "28x14", "--trace", str(pathlib.Path(folder, "absent", "t.json")))
            self.assertEqual(r.returncode, 74)


class Models(unittest.TestCase):
    FILES = os.path.join(ROOT, "tests", "data", "checkpoints")

    def file(self, name):
        return os.path.join(self.FILES, name)

    def refused(self, words, code, says):
        r = longtake("models", *words)
        self.assertEqual((r.returncode, r.stdout), (code, ""), r)
        self.assertIn(says, r.stderr)
        self.assertEqual(r.stderr.count("\n"), 1, r.stderr)

    def test_list(self):
        r = longtake("models", "list", "--json")
        self.assertEqual(r.returncode, 0, r)
        rows = {m["name"]: m for m in json.loads(r.stdout)}
        self.assertEqual(rows["vda-vits"]["parameters"], 29035137)
        self.assertIn("non-commercial", rows["vda-vitl"]["licence"])
        plain = longtake("models", "list").stdout
        for name, row in rows.items():
            for key in ("name", "task", "title", "licence", "source", "file"):
                self.assertIn(row[key], plain)

    def test_inspect(self):
        r = longtake("models", "inspect", self.file("nested.pth"), "--json")
        self.assertEqual(r.returncode, 0, r)
        report = json.loads(r.stdout)
        self.assertEqual((report["kind"], report["synthetic"], report["values"], len(report["tensors"])), ("PyTorch zip", False, 77307, 16))
        self.assertIn({"name": "a.weight", "type": "f32", "shape": [4, 3, 2, 2], "bytes": 192}, report["tensors"])
        plain = longtake("models", "inspect", self.file("nested.pth")).stdout
        self.assertIn(report["hash"], plain)
        self.assertIn("\nf32  4x3x2x2 a.weight\n", plain)
        self.assertIn("\ni64  scalar count\n", plain)
        self.assertIn("meaningless", longtake("models", "inspect", "synthetic:7").stdout)

    def test_nothing_is_executed(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("evil_zip.pth", "evil_legacy.pth"):
                r = longtake("models", "inspect", self.file(name), cwd=folder)
                self.assertEqual(r.returncode, 65, r)
                self.assertIn("posix.system", r.stderr)
            self.assertEqual(os.listdir(folder), [])

    def test_check(self):
        r = longtake("models", "check", "vda-vits", "synthetic:7")
        self.assertEqual(r.returncode, 0, r)
        self.refused(["check", "vda-vits", self.file("zip.pth")], 65, "16 unexpected (a.weight, a.bias, half, bf, ...)")
        r = longtake("models", "check", "vda-vits", self.file("zip.pth"), "--json")
        self.assertEqual(r.returncode, 65, r)
        self.assertFalse(json.loads(r.stdout)["fits"])

    def test_exit_codes(self):
        self.refused(["lsit"], 64, "did you mean 'list'?")
        self.refused(["list", "more"], 64, "models list takes nothing more")
        self.refused(["inspect"], 64, "models inspect takes one FILE")
        self.refused(["check", "vda-vits"], 64, "models check takes MODEL and FILE")
        self.refused(["check", "vda-vitx", "synthetic:7"], 64, "there is no model 'vda-vitx'")
        self.refused(["inspect", "synthetic:x"], 64, "give a number")
        self.refused(["inspect", "none.pth"], 65, "none.pth: cannot be opened")
        self.refused(["inspect", self.FILES], 65, "is not a file")


if __name__ == "__main__":
    harness.main()
