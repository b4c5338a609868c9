"""Whether `longtake plan` was right about each run of the tests. Python's standard library only.

tests/harness.py asks here after every `longtake run` that it started: the same arguments go to `plan`, and what the run left must agree, to the byte.

    fits or not         as the exit code 69 says, with the same least that would do
    planned             longtake_planned_bytes of metrics.prom, and planned_bytes in /segments of all that this run wrote (also when it was killed)
    setting             model, size and precision of run.json, and all of it in report.html
    observed            at most what was planned: longtake_observed_bytes, and observed_bytes of /segments
    host                longtake_host_planned_bytes; anonymous and shared memory of each rank, looked at from outside while it ran, and what it
                        says itself: at most what was planned and a twentieth

What `plan` cannot know is left out: runs that were refused for other reasons, GPUs that are broken on purpose, host memory under a sanitizer, and where a
GPU's memory is the host's (tests/cuda_fake).
"""
import ctypes
import functools
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

KINDS = ("RssAnon", "RssShmem")
LOOK_S = 0.03
SLACK = 1.05
USAGE, DATA, DEVICE = 64, 65, 69

counts = {"right": 0, "compared": 0}
left_out = {}                               # why a run was not compared -> how many were not


class Wrong(AssertionError):
    """plan and run disagree."""


# ---- command lines ----

@functools.lru_cache
def options(program, command):
    """{"--threads": True, "-q": False, ...} of a command: whether each takes a value. --help tells."""
    text = subprocess.run([program, "help", command], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = {}
    for letter, name, value in re.findall(r"^ +(?:-(\w), )?--([\w-]+)( \S+)?(?:  |$)", text, re.M):
        found[f"--{name}"] = bool(value)
        if letter:
            found[f"-{letter}"] = bool(value)
    return found


def split(words, known):
    """Words of a command line as [(option or None, [its words])]."""
    found, i = [], 0
    while i < len(words):
        name = words[i].split("=", 1)[0] if words[i].startswith("-") and words[i] != "-" else None
        n = 2 if name and known.get(name) and words[i] == name and i + 1 < len(words) else 1
        found.append((name, words[i:i + n]))
        i += n
    return found


class Run:
    """A `longtake run` in a command line."""

    def __init__(self, prefix, program, words, ranks, env, cwd):
        self.prefix, self.program, self.ranks, self.env, self.cwd = prefix, program, ranks, env, cwd
        self.words = split(words, options(program, "run"))
        out = self.value("--out", "-o")
        self.out = pathlib.Path(cwd or ".", out).resolve() if out else None
        self.began_with = self.job()

    def value(self, *names, default=None):
        for name, words in self.words:
            if name in names:
                default = words[1] if len(words) > 1 else words[0].partition("=")[2]
        return default

    def job(self):
        """The job's run.json; {} where there is none yet."""
        try:
            return json.loads((self.out / "run.json").read_text())
        except (OSError, ValueError, TypeError):
            return {}

    def sharded(self):
        return self.value("--shard") is not None or any(k.endswith(("SHARD_INDEX", "SHARD_COUNT")) for k in self.env)


def same_program(word, program, env):
    return word == program or os.path.realpath(shutil.which(word, path=env.get("PATH")) or word) == os.path.realpath(program)


def run_of(argv, env, cwd, program):
    """The `longtake run` that argv starts, or None. Limits that are set before it are kept; mpirun tells the ranks."""
    for i in range(len(argv) - 1):
        if argv[i + 1] != "run" or "-h" in argv or "--help" in argv or not same_program(argv[i], program, env):
            continue
        before, ranks = argv[:i], 1
        if any(os.path.basename(w).startswith("mpirun") for w in before):
            ranks = int(before[before.index("-n") + 1])
        prefix = before if before and before[0] == "prlimit" else []
        return Run(prefix, program, argv[i + 2:], ranks, env, cwd)
    return None


# ---- what plan says ----

class Said:
    def __init__(self, code, text, message):
        self.code, self.message = code, message
        self.all = json.loads(text) if text.startswith("{") else None
        self.videos = {v["name"]: v for v in self.all["videos"]} if self.all else {}


@functools.lru_cache(maxsize=None)
def asked(argv, env, cwd, stamps):
    """plan's answer; `stamps` are those of the files it looks at."""
    r = subprocess.run(argv, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return Said(r.returncode, r.stdout, r.stderr)


def stamp(path):
    try:
        s = os.stat(path)
        return s.st_mtime_ns, s.st_size
    except OSError:
        return None


@functools.lru_cache
def built_for_gpus(program):
    return "CUDA not built" not in subprocess.run([program, "version"], stdout=subprocess.PIPE, text=True, check=True).stdout


@functools.lru_cache
def profile_of(program, env, folder):
    """A profile of the GPU that a run takes here, as doctor describes it; None where it takes the CPU."""
    r = subprocess.run([program, "doctor", "--json"], env=dict(env), stdout=subprocess.PIPE, text=True)
    gpu = json.loads(r.stdout)["gpu"]
    m = re.match(r"GPU (\d+)", gpu.get("computes_on", ""))
    if not m:
        return None
    one, path = gpu["gpus"][int(m.group(1))], pathlib.Path(folder, "gpu.yaml")
    sm = one["architecture"].partition("_")[2]
    path.write_text(f"device: cuda\nname: here\ncapability: {sm[:-1]}.{sm[-1]}\nmultiprocessors: {one['multiprocessors']}\nmemory: {one['memory_bytes']}\n"
                    f"usable: {one['free_bytes'] or one['memory_bytes']}\noverhead: {gpu['driver_and_libraries_bytes']}\n")
    return str(path)


def ask(run, folder):
    """What plan says to the run's own arguments. A job that was begun has its model, size and precision already."""
    known, env = options(run.program, "plan"), {k: v for k, v in run.env.items() if k != "LT_TEST_JOB"}
    words = [w for name, found in run.words if (name is None or name in known) and name not in ("--json", "-q", "--quiet") for w in found]
    for name, key in (("--model", "model"), ("--input-size", "input-size"), ("--precision", "precision")):
        if key in run.began_with and "--allow" in (n for n, _ in run.words):
            words += [name, str(run.began_with[key]).rpartition("-")[2]]
    if built_for_gpus(run.program) and run.value("--device") != "cpu":
        if "LT_FAKE_CUDA" in env:
            healthy = [w for w in env["LT_FAKE_CUDA"].split(",") if not w.startswith(("fail=", "sticky=", "seed=", "uuid="))]
            env = {**env, "LT_FAKE_CUDA": ",".join(healthy)}
        profile = profile_of(run.program, tuple(sorted(env.items())), folder)
        if profile:
            words += ["--device-profile", profile]
    argv = [*run.prefix, run.program, "plan", "--json", "--ranks", str(run.ranks), *words]
    return asked(tuple(argv), tuple(sorted(env.items())), run.cwd, tuple(stamp(os.path.join(run.cwd or ".", w)) for w in words))


# ---- what the run left ----

@functools.lru_cache
def hdf5(program):
    """The HDF5 that longtake itself is linked with."""
    text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    lib = ctypes.CDLL(re.search(r"(/\S*libhdf5(?:_\w*?)?\.so\S*)", text).group(1))
    for name in ("H5Fopen", "H5Dopen2", "H5Dget_space"):
        getattr(lib, name).restype = ctypes.c_int64
    lib.H5Sget_simple_extent_npoints.restype = ctypes.c_int64
    lib.H5open()
    lib.H5Eset_auto2(ctypes.c_int64(0), None, None)
    return lib


def column(program, path, name):
    """A column of whole numbers of a segment or a result; [] where there is none."""
    lib, numbers = hdf5(program), []
    native = ctypes.c_int64.in_dll(lib, "H5T_NATIVE_INT64_g")
    file = lib.H5Fopen(os.fsencode(path), 0, ctypes.c_int64(0))
    data = lib.H5Dopen2(ctypes.c_int64(file), f"segments/{name}".encode(), ctypes.c_int64(0)) if file >= 0 else -1
    if data >= 0:
        space = lib.H5Dget_space(ctypes.c_int64(data))
        into = (ctypes.c_int64 * lib.H5Sget_simple_extent_npoints(ctypes.c_int64(space)))()
        if lib.H5Dread(ctypes.c_int64(data), native, ctypes.c_int64(0), ctypes.c_int64(0), ctypes.c_int64(0), into) >= 0:
            numbers = list(into)
        lib.H5Sclose(ctypes.c_int64(space))
        lib.H5Dclose(ctypes.c_int64(data))
    if file >= 0:
        lib.H5Fclose(ctypes.c_int64(file))
    return numbers


def written(out, since_ns):
    """Segments and results of a job directory that are as new as that."""
    for pattern in ("*.h5", "*/seg-*.h5", "*/raw/seg-*.h5"):
        for path in sorted(out.glob(pattern)):
            mark = stamp(path)
            if mark and mark[0] >= since_ns:
                yield path


def metrics(out, since_ns):
    """{name: [numbers]} of the metrics that were written since then."""
    found = {}
    for path in out.glob("metrics*.prom"):
        mark = stamp(path)
        if mark and mark[0] >= since_ns:
            for name, number in re.findall(r"^longtake_(\w+)(?:\{[^}]*\})? (\d+)$", path.read_text(), re.M):
                found.setdefault(name, []).append(int(number))
    return found


def readable(out):
    """Paths of the videos that a run could read: those that have an index."""
    found = set()
    for path in out.glob("*/video.json"):
        try:
            found.add(json.loads(path.read_text())["path"])
        except (OSError, ValueError):
            pass
    return found


class Watch:
    """Anonymous and shared memory of the processes of a program below one process: the most of each."""

    def __init__(self, pid, program):
        self.pid, self.name, self.peaks, self.over = pid, os.path.basename(program)[:15], {}, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def below(self, pid):
        yield pid
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                    yield from self.below(int(child))
        except OSError:
            pass

    def look(self):
        while not self.over.wait(LOOK_S):
            for pid in self.below(self.pid):
                try:
                    rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
                    if rows["Name"].strip() == self.name:
                        self.peaks[pid] = max(self.peaks.get(pid, 0), sum(int(rows[k].split()[0]) for k in KINDS) * 1024)
                except (OSError, KeyError):
                    pass

    def end(self):
        self.over.set()
        self.thread.join()
        return max(self.peaks.values(), default=0)


# ---- the comparison ----

allowed = {}                                # {job directory: what was planned by any of its runs}


def leave_out(why):
    left_out[why] = left_out.get(why, 0) + 1


def need(ok, run, text):
    if not ok:
        raise Wrong(f"plan was wrong about: run {' '.join(w for _, found in run.words for w in found)}" + (f" ({run.ranks} ranks)" if run.ranks > 1 else "") +
                    f"\n{text}")


def of_memory(text):
    """The part of a refusal that does not depend on the moment: the video, and the least that would do."""
    m = re.search(r"([^:\n]*: \d+x\d+ needs at least [\d.]+ \w+ of [a-z ]*memory)", text)
    return m.group(1).strip() if m else ""


def sizes_of(run, said):
    """Bytes of the videos that the run could read, each by itself; and whether those are all that fit."""
    there = readable(run.out)
    fit = {name: v["setting"]["device_bytes"] for name, v in said.videos.items() if v["fits"]}
    mine = {name: n for name, n in fit.items() if name in there}
    return mine, len(mine) == len(fit)


def bytes_allowed(run, said):
    """What the arena of this run may be: one number, or of a shard, whose videos are not known, one of several."""
    mine, whole = sizes_of(run, said)
    if run.sharded():
        return set(mine.values())
    return {said.all["planned_bytes"]} if whole else {max(mine.values(), default=0)}


def line_of(setting):
    """A setting as plan and report write it."""
    def or_all(n):
        return str(n) if n else "all"
    if "model" not in setting:
        return f"prefetch {setting['prefetch']}"
    return (f"{setting['model']}, input {setting['input_size']}, {setting['precision']}, micro-batch {or_all(setting['micro_batch'])}, tile {or_all(setting['tile'])}, "
            f"band {or_all(setting['band'])}, {'streamed weights, ' if setting['stream_weights'] else ''}prefetch {setting['prefetch']}")


def compare_report(run, said, since_ns):
    """The plan that the report keeps: that of each size of frame."""
    planned = {line_of(v["setting"]) for v in said.videos.values() if v["fits"]}
    for path in run.out.glob("report*.html"):
        mark = stamp(path)
        if mark and mark[0] >= since_ns:
            did = {line.strip() for line in re.findall(r"^  -> (.*?) +[\d.]+ \w+  fits$", html.unescape(path.read_text()), re.M)}
            need(did <= planned, run, f"{path.name}: {sorted(did)}, plan says {sorted(planned)}")


def compare_host(run, said, peak, since_ns, exact):
    _, whole = sizes_of(run, said)
    on_cpu = 0 if said.all["profile"] else said.all["planned_bytes"]
    most, found = said.all["host_bytes"] + on_cpu, metrics(run.out, since_ns)
    if whole and not run.sharded() and not said.all["profile"]:
        for did in found.get("host_planned_bytes", []):
            need(did == most, run, f"host: {did} bytes planned, plan says {most}")
    for seen in [peak, *found.get("host_observed_bytes", [])] if exact else []:
        need(seen <= SLACK * most, run, f"host: {seen} bytes at most, plan says {most}")


def compare_settings(run, said):
    job = run.job()
    chosen = [v["setting"] for v in said.videos.values() if v["fits"] and "model" in v["setting"]]
    for setting in chosen if "model" in job else []:
        did = (job["model"].rpartition("-")[2], job.get("precision"), job.get("input-size"))
        need(did == (setting["model"], setting["precision"], setting["input_size"]), run, f"setting: {did}, planned {setting}")


def compare_bytes(run, said, since_ns):
    """Whether there was anything to compare."""
    seen = 0
    may = bytes_allowed(run, said)
    ever = allowed.setdefault(run.out, set())
    ever |= may
    found = metrics(run.out, since_ns)
    for did in found.get("planned_bytes", []):
        # A run with nothing to do has no arena: a shard beyond the last segment, or videos that are all bad.
        need(did in may or (did == 0 and (run.sharded() or not may - {0})), run, f"planned: {did} bytes, plan says {sorted(may)}")
        seen += 1
    for did in found.get("observed_bytes", []):
        need(did <= max(ever), run, f"observed: {did} bytes, plan says {sorted(may)}")
    for path in written(run.out, since_ns):
        planned, observed = (column(run.program, path, name) for name in ("planned_bytes", "observed_bytes"))
        rows = {n for n in planned if n >= 0}
        need(rows <= ever, run, f"{path}: made under a plan of {sorted(rows)} bytes, plan says {sorted(ever)}")
        need(all(o <= p for p, o in zip(planned, observed)), run, f"{path}: more was used than was planned: {list(zip(planned, observed))}")
        seen += len(rows)
    return seen


def compare(run, code, text, peak, since_ns, folder, exact_host):
    """Asks plan about a run that has ended with that exit code and message."""
    if code == USAGE or run.out is None:
        return leave_out("refused for its command line")
    said = ask(run, folder)
    refused = code == DEVICE and of_memory(text)
    if said.code == DEVICE and said.all and not said.all["fits"]:
        if code not in (DEVICE, 0, DATA):
            return leave_out("ended before memory was looked at")
        need(refused, run, f"plan says that it does not fit ({said.message.strip()}), and it ended with {code}:\n{text}")
    elif refused:
        need(said.code == DEVICE, run, f"it does not fit ({of_memory(text)}), and plan ended with {said.code}")
    elif code == DEVICE:
        return leave_out("a device that is not there, or is broken")
    need(said.code in (0, DATA, DEVICE), run, f"plan ended with {said.code}: {said.message}")
    if refused:
        need(of_memory(said.message) == of_memory(text), run, f"'{of_memory(text)}', plan says '{of_memory(said.message)}'")
        counts["compared"] += 1
        return None
    if not said.videos or not any(v["fits"] for v in said.videos.values()):
        need(code != 0, run, f"plan knows no video that can be done, and it was done:\n{text}")
        return leave_out("nothing that can be read")
    if code == 0:
        need(said.code == 0, run, f"it was done, and plan ended with {said.code}: {said.message}")
    if not run.out.is_dir() or not compare_bytes(run, said, since_ns):
        return leave_out("ended before it wrote anything")
    compare_settings(run, said)
    compare_report(run, said, since_ns)
    compare_host(run, said, peak, since_ns, exact_host)
    counts["compared"] += 1
    return None


def check(*args, **kw):
    before = counts["compared"]
    try:
        compare(*args, **kw)
    except Wrong:
        counts["compared"] = before + 1
        raise
    counts["right"] += counts["compared"] - before


def summary():
    more = ", ".join(f"{n} {why}" for why, n in sorted(left_out.items()))
    return f"plan was right for {counts['right']} of {counts['compared']} runs" + (f"; not compared: {more}" if more else "")
