"""A job whose GPU is lost half-way says so, with its exit code, whatever is given back on the way out."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import depth_case as depth
import harness

KERNELS = 1200                              # after the session is made, before its work is done


class Lost(harness.Case):
    def test_run(self):
        clip = harness.clip(self.dir / "clip.mp4", 40, size="56x42")
        words = ["--device", "cuda", "--input-size", "14"]
        r = harness.longtake(*depth.words(self.dir / "job", clip, *words, env=depth.REAL), env={"LT_FAKE_CUDA": f"sticky={KERNELS}"})
        self.exits(r, "device", "GPU 0", "run again")


if __name__ == "__main__":
    harness.main()
