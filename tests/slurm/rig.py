"""A real Slurm on this one machine, in one folder: munged, slurmctld, and a slurmd for each of two virtual nodes.

Nothing outside the folder is read or written: own key, own sockets, own ports, own configuration. Debian's Slurm is
built with multiple-slurmd, which is what lets two nodes live on one host; no cgroups are asked for.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

TOOLS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")


class CannotStart(Exception):
    """This machine may not, or cannot, run the daemons; says why."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CONF = """\
ClusterName=longtake
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={dir}/munge/socket
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool-%n
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
KillWait={kill_wait}
MailProg=/bin/true
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=30 State=UP
"""


class Rig:
    def __init__(self, folder, kill_wait=15):
        self.dir = pathlib.Path(folder).resolve()
        self.daemons = []
        self.kill_wait = kill_wait
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        missing = [t for t in TOOLS if not shutil.which(t, path=path)]
        if missing:
            raise CannotStart(f"{', '.join(missing)} not installed (apt-get install slurm-wlm munge)")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "LONGTAKE_"))}
        self.env.update(PATH=path, SLURM_CONF=str(self.dir / "slurm.conf"))

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        for name in ("munge", "state"):
            (self.dir / name).mkdir(parents=True, mode=0o755)
        self.dir.chmod(0o755)                       # munged wants every folder above its socket open to search
        key = self.dir / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        ports = [free_port() for _ in range(3)]
        (self.dir / "slurm.conf").write_text(CONF.format(
            dir=self.dir, host=socket.gethostname().split(".")[0], ports=ports, kill_wait=self.kill_wait,
            user=pwd.getpwuid(os.getuid()).pw_name))
        m = self.dir / "munge"
        # --force: the scratch folder is under /tmp, which everybody may write to; its sticky bit is the protection.
        self.daemon("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={m}/socket",
                    f"--pid-file={m}/pid", f"--log-file={m}/log", f"--seed-file={m}/seed")
        self.until(lambda: (m / "socket").exists(), 10, "munged does not open its socket")
        self.daemon("slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            self.daemon("slurmd", "-D", "-N", node)
        self.until(lambda: self.out("sinfo", "-h", "-N", "-o", "%T").split() == ["idle", "idle"], 30,
                   "the two nodes do not become idle")

    def daemon(self, *argv):
        log = open(self.dir / f"{argv[0]}{argv[-1] if argv[-2] == '-N' else ''}.out", "wb")
        self.daemons.append(subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT, start_new_session=True))
        log.close()

    def until(self, ready, seconds, what):
        end = time.monotonic() + seconds
        while not ready():
            dead = [d.args[0] for d in self.daemons if d.poll() is not None]
            if dead or time.monotonic() > end:
                raise CannotStart(f"{what}; ended early: {', '.join(dead) or 'none'}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-1500:]}" for p in sorted(self.dir.glob("*.out")))

    def stop(self):
        if len(self.daemons) > 1:
            self.out("scancel", "--signal=KILL", "--full", "--user", pwd.getpwuid(os.getuid()).pw_name)
            end = time.monotonic() + 5
            while self.out("squeue", "-h") and time.monotonic() < end:
                time.sleep(0.2)
        for d in reversed(self.daemons):
            if d.poll() is None:
                d.send_signal(signal.SIGTERM)
                try:
                    d.wait(10)
                except subprocess.TimeoutExpired:
                    d.kill()
                    d.wait()
        self.daemons = []

    def run(self, *argv, env=None, cwd=None):
        return subprocess.run(list(map(str, argv)), env={**self.env, **(env or {})}, cwd=cwd, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def out(self, *argv):
        r = self.run(*argv)
        return r.stdout.strip() if r.returncode == 0 else ""

    def submit(self, *argv, env=None, cwd=None):
        """The job's id."""
        r = self.run("sbatch", "--parsable", *argv, env=env, cwd=cwd)
        if r.returncode:
            raise AssertionError(f"sbatch {' '.join(map(str, argv))}: {r.stdout}")
        return r.stdout.strip().split(";")[0]

    def states(self, job):
        """{array index: state} of the tasks that Slurm remembers, finished ones included."""
        text = self.out("scontrol", "show", "job", "-o", job)
        found = {}
        for line in text.splitlines():
            f = dict(w.split("=", 1) for w in line.split() if "=" in w)
            for i in expand(f.get("ArrayTaskId", "0").split("%")[0]):
                found[i] = (f["JobState"], f.get("ExitCode", ""))
        return found


def expand(text):
    """'1,3-5' as a list."""
    items = []
    for part in text.split(","):
        a, _, b = part.partition("-")
        items += range(int(a), int(b or a) + 1)
    return items
