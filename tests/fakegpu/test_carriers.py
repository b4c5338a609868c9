"""The carrier of halo records changes no bit, and when it fails nobody waits for ever: MPI, files, and NCCL with tests/cuda_fake in its place."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

PROGRAM = pathlib.Path(harness.LONGTAKE).parent / "tests/fakegpu_test_nccl"
OWN = {"LT_FAKE_CUDA": "gpus=4"}            # a GPU for each rank
LOST = {"LT_FAKE_CUDA": "gpus=4,fail=cudaEventQuery:10"}     # while records travel
SHARED = {"LT_FAKE_CUDA": "gpus=4,uuid=same"}
TIMEOUT = 3                                 # seconds a peer is waited for
ABORT = 10                                  # seconds NCCL has to let go
SLACK = 20                                  # seconds of a busy machine, far below what a hang would take
DEAD = (harness.EXIT["killed"], harness.EXIT["stopped"])    # who notices a death first: mpirun, or the other rank


class Records(harness.Case):
    """Records between ranks by turns, without a job around them."""

    def ranks(self, n, *mpi, pieces=30, env=OWN, **faults):
        job = harness.Job([harness.MPIRUN, *mpi, "-n", str(n), PROGRAM, "ranks", pieces, TIMEOUT], env={**env, **faults})
        code = job.wait(90)
        self.assertEqual(job.gone(10), [])
        return harness.Result(code, job.output(), job.seconds)

    def test_rounds(self):
        """Circles of ranks that all send at once; over MPI where GPUs are shared."""
        for n in (2, 3, 4):
            self.exits(self.ranks(n, pieces=60), "done", "NCCL 2.", f"between {n} GPUs")
        self.exits(self.ranks(3, env=SHARED), "done", "MPI: ranks 0 and 1 share GPU-")

    def test_damage(self):
        r = self.ranks(3, LT_FAKE_NCCL="corrupt:3,corrupt:4")
        self.exits(r, "done", "does not match its checksum")

    def test_never_completes(self):
        r = self.ranks(3, LT_FAKE_NCCL="stall:3@1")
        self.exits(r, "stopped", "was not through within", "--peer-timeout")
        self.assertLess(r.seconds, 3 * TIMEOUT + SLACK)

    def test_asynchronous_error(self):
        r = self.ranks(3, LT_FAKE_NCCL="error:3@1")
        self.exits(r, "stopped", "unhandled system error", "run the same command again")
        self.assertLess(r.seconds, TIMEOUT + SLACK)

    def test_a_peer_dies(self):
        """Under a launcher that ends the job, and under one that lets the others find out by themselves."""
        for when in ("before", "in", "after"):
            with self.subTest(when):
                r = self.ranks(3, LT_FAKE_NCCL=f"die-{when}:3@1")
                self.assertIn(r.code, DEAD, r.text)
        for when in ("in", "after"):
            with self.subTest(when, launcher="leaves them alone"):
                r = self.ranks(3, "--enable-recovery", LT_FAKE_NCCL=f"die-{when}:3@1,deaf")
                self.assertRegex(r.text, "was not through within|did not answer within")
                self.assertLess(r.seconds, 3 * TIMEOUT + SLACK)

    def test_not_to_be_opened(self):
        """All ranks take MPI where one cannot have NCCL."""
        for fault in ("init-fails@1", "stall:1@2"):
            r = self.ranks(3, LT_FAKE_NCCL=fault)
            self.exits(r, "done", "MPI, since NCCL cannot be used")
            self.assertEqual(r.text.count("MPI, since"), 3, r.text)


class Jobs(harness.Case):
    """A job of depth with a stand-in for the network."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        depth.needs_stub()
        cls.clip = harness.clip(cls.dir / "clip.mp4", 130, size="112x70")
        r = cls.run_job("one", None)
        if r.code:
            raise AssertionError(f"exit {r.code}: {r.text}")
        cls.want = cls.hash("one")

    @classmethod
    def run_job(cls, name, ranks, *more, env=OWN, slow="0", **faults):
        words = depth.words(cls.dir / name, cls.clip, "--device", "cuda", "--peer-timeout", TIMEOUT, *more, segment=22, quiet=False)
        return harness.longtake(*words, ranks=ranks, env={**env, **faults, "LT_DEPTH_STUB": slow})

    @classmethod
    def hash(cls, name):
        return harness.content_hash(cls.dir / name / "clip.h5")

    def test_same_bits(self):
        r = self.run_job("nccl", 3)
        self.exits(r, "done", "halo records travel over NCCL 2.", "between 3 GPUs")
        self.assertGreater(depth.metric(self.dir / "nccl", "longtake_halo_records", way="rank"), 0)
        self.assertIn("between 3 GPUs", (self.dir / "nccl/report.html").read_text())
        r = self.run_job("mpi", 3, env=SHARED)
        self.exits(r, "done", "halo records travel over MPI: ranks 0 and 1 share")
        self.assertGreater(depth.metric(self.dir / "mpi", "longtake_halo_records", way="rank"), 0)
        for i in range(3):
            self.exits(self.run_job("files", None, "--shard", f"{i}/3", "--shard-by", "segment"), "done")
        self.assertEqual({name: self.hash(name) for name in ("nccl", "mpi", "files")}, dict.fromkeys(("nccl", "mpi", "files"), self.want))

    def test_mixed_devices_take_mpi(self):
        r = self.run_job("mixed", 2, "--allow", "mixed-devices")
        self.exits(r, "done", "halo records travel over MPI", "several kinds")
        self.assertEqual(self.hash("mixed"), self.want)

    def test_damage_is_read_from_the_file(self):
        r = self.run_job("damaged", 3, LT_FAKE_NCCL="corrupt:2,corrupt:3")
        self.exits(r, "done", "does not match its checksum", "read from the file instead")
        self.assertGreater(depth.metric(self.dir / "damaged", "longtake_halo_records", way="file"), 0)
        self.assertEqual(self.hash("damaged"), self.want)

    def test_failures(self):
        """The right word and code before the deadline, and a second run that finishes with the same bits."""
        for name, fault, codes, words, seconds in (
            ("stall", "stall:2", (75,), ("was not through within",), 3 * TIMEOUT + SLACK),
            ("error", "error:2", (75,), ("unhandled system error",), TIMEOUT + SLACK),
            ("device", "", (69,), ("run again",), TIMEOUT + SLACK),
            ("hangs", "stall:2,abort-hangs", (75,), ("did not let go",), 3 * TIMEOUT + ABORT + SLACK),
            ("before", "die-before:2", DEAD, (), 3 * TIMEOUT + SLACK),
            ("in", "die-in:2", DEAD, (), 3 * TIMEOUT + SLACK),
            ("after", "die-after:2", DEAD, (), 3 * TIMEOUT + SLACK),
        ):
            with self.subTest(fault):
                began = time.monotonic()
                r = self.run_job(name, 3, env=LOST if name == "device" else OWN, LT_FAKE_NCCL=fault)
                self.assertIn(r.code, codes, r.text)
                self.exits(r, r.code, *words)
                self.assertLess(time.monotonic() - began, seconds, r.text)
                self.exits(self.run_job(name, 3), "done")
                self.assertEqual(self.hash(name), self.want)


if __name__ == "__main__":
    harness.main()
