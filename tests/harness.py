"""What the tests of ranks, faults and Slurm share. Python's standard library only.

The program under test is named by LONGTAKE (ctest sets it). Every test program makes its files in a folder of its
own, which is removed when it passes; LT_KEEP=1 keeps it.

`longtake run` is started by Job, longtake(), call() or shell() alone, or by `harness.py COMMAND...`: then tests/planned.py compares what it did with what
`longtake plan` says, and a plan that was wrong fails the test.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

import planned

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGTAKE = os.environ.get("LONGTAKE", str(ROOT / "build/cpu/longtake"))
MPIRUN = str(ROOT / "launch/mpirun.sh")
EXIT = dict(done=0, usage=64, data=65, device=69, internal=70, store=74, stopped=75, killed=137)
SKIP = 77                                   # CTest's SKIP_RETURN_CODE of these tests


def scratch(name):
    """A new folder for one test class; cleanup(folder, ok) removes it."""
    return pathlib.Path(tempfile.mkdtemp(prefix=f"longtake-{name}-"))


def clean_environment(**extra):
    """This environment without anything that a launcher, or a test before, may have left in it."""
    foreign = re.compile(r"^(SLURM|PMI|PMIX|OMPI_COMM|AWS_BATCH|JOB_COMPLETION|SKYPILOT|LONGTAKE_)")
    env = {k: v for k, v in os.environ.items() if not foreign.match(k)}
    if "LT_FAKE_CUDA" in extra:
        env.pop("CUDA_VISIBLE_DEVICES", None)        # of the machine's own GPUs
    env.update({k: str(v) for k, v in extra.items()})
    return env


def sanitized():
    """Whether the program under test keeps what was freed, and maps terabytes."""
    return re.search(r"lib[at]san", subprocess.run(["ldd", LONGTAKE], text=True, stdout=subprocess.PIPE).stdout) is not None


PLANS = tempfile.TemporaryDirectory(prefix="longtake-plans-")
HOST_IS_EXACT = os.access(LONGTAKE, os.X_OK) and not sanitized() and not planned.built_for_gpus(LONGTAKE)


class Asked:
    """What plan says about a command line, once it has run; nothing where it is no `longtake run`."""

    def __init__(self, argv, env, cwd):
        self.run = planned.run_of(argv, env, cwd, LONGTAKE)
        self.since_ns = time.time_ns() - 10**7       # of a clock that file systems read less often than we do
        self.watch = None
        # valgrind keeps a shadow of all memory.
        self.exact = HOST_IS_EXACT and not any(os.path.basename(str(a)) == "valgrind" for a in argv)

    def started(self, pid):
        if self.run and self.exact:
            self.watch = planned.Watch(pid, LONGTAKE)

    def ended(self, code, text):
        peak = self.watch.end() if self.watch else 0
        if self.run:
            planned.check(self.run, code, text, peak, self.since_ns, PLANS.name, self.exact)


class Job:
    """A started program with all its descendants, found by a mark in their environment wherever they hang."""

    def __init__(self, argv, env=None, cwd=None, **popen):
        self.mark, self.settled = uuid.uuid4().hex, False
        self.argv = [str(a) for a in argv]
        env = clean_environment(**(env or {}))
        env["LT_TEST_JOB"] = self.mark
        self.asked = Asked(self.argv, env, cwd)
        out, self.log = tempfile.mkstemp(prefix="longtake-log-")
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=subprocess.STDOUT, start_new_session=True, **popen)
        os.close(out)
        self.asked.started(self.process.pid)

    def pids(self, program=None):
        """Living processes of this job; with `program`, those whose executable has that name."""
        found = []
        needle = b"LT_TEST_JOB=" + self.mark.encode()
        for p in pathlib.Path("/proc").iterdir():
            if not p.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if needle not in (p / "environ").read_bytes().split(b"\0"):
                    continue
                if (p / "stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                    continue
                words = (p / "cmdline").read_bytes().split(b"\0")
                if program is None or any(os.path.basename(w).decode() == program for w in words[:2]):
                    found.append(int(p.name))
        return sorted(found)

    def ranks(self):
        mpi = set(self.pids("mpirun"))
        return [p for p in self.pids(os.path.basename(LONGTAKE)) if p not in mpi]

    def wait(self, timeout=120):
        """The exit code; a job that outlives the timeout is ended and fails the test."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            text = self.output()
            self.end()
            raise AssertionError(f"still running after {timeout} s: {' '.join(self.argv)}\n{text}") from None
        self.seconds, self.ended_at = time.monotonic() - self.began, time.time()
        code = 128 - code if code < 0 else code
        if not self.settled:
            self.settled = True
            self.asked.ended(code, self.output())
        return code

    def gone(self, within):
        """Waits until no process of this job lives; what is left after `within` seconds."""
        end = time.monotonic() + within
        while (left := self.pids()) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def end(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def output(self):
        """What it has printed so far."""
        return pathlib.Path(self.log).read_text(errors="replace")

    def __del__(self):
        with contextlib.suppress(OSError):
            os.unlink(self.log)


def command(*args, ranks=None):
    """The command line of longtake with these arguments; `ranks` puts it under mpirun."""
    head = [MPIRUN, "-n", str(ranks)] if ranks else []
    return head + [LONGTAKE, *map(str, args)]


class Result:
    def __init__(self, code, text, seconds):
        self.code, self.text, self.seconds = code, text, seconds


def longtake(*args, ranks=None, timeout=120, env=None, cwd=None, **popen):
    """Runs to the end."""
    job = Job(command(*args, ranks=ranks), env=env, cwd=cwd, **popen)
    code = job.wait(timeout)
    return Result(code, job.output(), job.seconds)


def call(*args, env=None, cwd=None, timeout=120, **popen):
    """Runs to the end, with what it prints to standard output and to standard error apart."""
    return called(command(*args), clean_environment(**(env or {})), cwd, timeout, **popen)


def shell(line, env=None, cwd=None, timeout=120):
    """A line of one command, as a shell reads its words; NAME=VALUE before it is for its environment."""
    env = clean_environment(**(env or {}))
    text = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], env=env, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout
    words = text.split("\0")[:-1]
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, env[name] = words.pop(0).partition("=")
    return called(words, env, cwd, timeout)


def called(argv, env, cwd, timeout, **popen):
    asked = Asked(argv, env, cwd)
    p = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)
    asked.started(p.pid)
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise
    asked.ended(p.returncode, err)
    return subprocess.CompletedProcess(argv, p.returncode, out, err)


def check_left(*words, ranks, env=None, cwd=None, code=0):
    """Compares what runs that somebody else started left in their job directory with what plan says of these words."""
    run = planned.run_of(command("run", *words, ranks=ranks), clean_environment(**(env or {})), cwd, LONGTAKE)
    planned.check(run, code, "", 0, 0, PLANS.name, False)


def content_hash(path):
    """The hash of a result's values, as the program prints it."""
    r = longtake("verify", "--hash", path)
    m = re.search(r"^([0-9a-f]{16,})  ", r.text, re.M)
    if r.code or not m:
        raise AssertionError(f"verify --hash {path}: exit {r.code}\n{r.text}")
    return m.group(1)


def ffmpeg(*args):
    r = subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, args)],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if r.returncode:
        raise AssertionError(f"ffmpeg {' '.join(map(str, args))}: {r.stdout}")


def clip(path, frames, size="160x90", seed=1, codec=("-c:v", "libx264", "-preset", "ultrafast", "-g", "12")):
    """A moving picture of that many frames; another seed is another picture."""
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-vf", f"hue=h={seed * 47 % 360}:s=1.{seed % 10}",
           "-frames:v", frames, "-pix_fmt", "yuv420p", *codec, path)
    return path


def committed(out):
    """{segment file: what changes when it is written again} of a job directory."""
    found = {}
    for p in pathlib.Path(out).glob("*/seg-*.h5"):
        with contextlib.suppress(FileNotFoundError):
            s = p.stat()
            found[str(p.relative_to(out))] = (s.st_ino, s.st_mtime_ns, s.st_size)
    return found


class Case(unittest.TestCase):
    """A test class with a folder `self.dir` for all its tests, kept when one failed or LT_KEEP is set."""

    @classmethod
    def setUpClass(cls):
        cls.dir = scratch(cls.__name__.lower())
        cls.failed = False

    @classmethod
    def tearDownClass(cls):
        if cls.failed or os.environ.get("LT_KEEP"):
            print(f"\nfiles are in {cls.dir}", file=sys.stderr)
        else:
            shutil.rmtree(cls.dir, ignore_errors=True)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            type(self).failed = True

    def exits(self, result, code, *words):
        """The exit code is `code` (a name of EXIT or a number) and the message has all these words."""
        want = EXIT.get(code, code)
        if result.code != want:
            self.fail(f"exit {result.code}, expected {want}:\n{result.text}")
        for w in words:
            if w.lower() not in result.text.lower():
                self.fail(f"the message lacks '{w}':\n{result.text}")


def finish(failed):
    print(planned.summary(), file=sys.stderr)
    sys.exit(failed)


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(SKIP)


def main():
    if not os.access(LONGTAKE, os.X_OK):
        print(f"{LONGTAKE} is not there: build it, or name it in LONGTAKE", file=sys.stderr)
        sys.exit(1)
    program = unittest.main(module="__main__", verbosity=2, exit=False)
    finish(not program.result.wasSuccessful())


if __name__ == "__main__":                  # harness.py COMMAND...: for tests that are no Python
    one = Job(sys.argv[1:])
    code = one.wait(3600)
    print(one.output())
    finish(code)
