"""What bad input gets: the table of docs/failures.md, a test a row."""
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness


def png_claiming(path, width, height):
    """A file of a few bytes whose header claims a picture of that size."""
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b""))
    return path


class Inputs(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good = harness.clip(cls.dir / "good.mp4", 20, seed=3)

    def flow(self, *args, ranks=None, **kw):
        self.out = self.dir / f"out-{self.id().rsplit('.', 1)[1]}-{len(list(self.dir.glob('out-*')))}"
        return harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", self.out, *args, ranks=ranks, **kw)

    def bad_beside_good(self, path, *words):
        """Exit 65, the path in the message, nothing for it among the results, and the good one done."""
        r = self.flow(path, self.good)
        self.exits(r, "data", os.path.basename(path), *words)
        self.assertTrue((self.out / "good.h5").exists(), r.text)
        self.assertFalse((self.out / f"{pathlib.Path(path).stem}.h5").exists())
        return r

    def test_missing_file(self):
        self.bad_beside_good(self.dir / "absent.mp4", "no such file")

    def test_missing_file_under_mpirun(self):
        r = self.flow(self.dir / "absent.mp4", self.good, ranks=2)
        self.exits(r, "data", "absent.mp4")
        self.assertTrue((self.out / "good.h5").exists())

    def test_folder_without_images(self):
        folder = self.dir / "empty"
        folder.mkdir(exist_ok=True)
        r = self.flow(folder)
        self.exits(r, "usage", "empty")
        self.assertFalse((self.out / "run.json").exists(), "a slip of the command line must not found a job")

    def test_zero_bytes(self):
        path = self.dir / "zero.mp4"
        path.write_bytes(b"")
        self.bad_beside_good(path)

    def test_not_a_video(self):
        path = self.dir / "text.mp4"
        path.write_text("Call me Ishmael. " * 500)
        self.bad_beside_good(path)

    def test_audio_only(self):
        path = self.dir / "audio.m4a"
        harness.ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", path)
        self.bad_beside_good(path, "no video")

    def test_truncated_mp4(self):
        """The index of an mp4 is at its end by default; half a file has none."""
        path = self.dir / "half.mp4"
        data = self.good.read_bytes()
        path.write_bytes(data[:len(data) // 2])
        self.bad_beside_good(path)

    def test_corrupt_packets(self):
        """The middle is unreadable: those frames are named, the rest is there, the state says failed."""
        whole = self.dir / "whole.mkv"
        harness.ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-frames:v", 60, "-c:v", "mjpeg", "-q:v", 3, whole)
        data = bytearray(whole.read_bytes())
        for at in range(len(data) * 2 // 5, len(data) * 3 // 5):
            data[at] = (at * 37 + 11) % 251
        path = self.dir / "corrupt.mkv"
        path.write_bytes(data)
        r = self.flow("--segment-frames", "8", path, self.good)
        self.exits(r, "data", "corrupt.mkv")
        self.assertTrue((self.out / "good.h5").exists(), r.text)

    def test_size_changes_in_the_middle(self):
        """Two pictures of different size in one stream of MPEG-TS."""
        parts = []
        for size in ("160x90", "128x72"):
            parts.append(self.dir / f"{size}.ts")
            harness.clip(parts[-1], 20, size=size)
        path = self.dir / "changes.ts"
        path.write_bytes(b"".join(p.read_bytes() for p in parts))
        r = self.flow(path, self.good)
        self.exits(r, "data", "changes.ts")
        self.assertTrue((self.out / "good.h5").exists(), r.text)

    def test_one_frame(self):
        r = self.flow(harness.clip(self.dir / "single.mp4", 1))
        self.exits(r, "done")
        self.exits(harness.longtake("verify", self.out / "single.h5"), "done")

    def test_small_and_odd_sizes(self):
        for size in ("1x1", "2x2", "3x5", "17x31", "161x91"):
            with self.subTest(size=size):
                path = self.dir / f"size{size}.mkv"
                harness.ffmpeg("-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=25", "-vf",
                               f"scale={size.replace('x', ':')},format=rgb24", "-frames:v", 4, "-c:v", "ffv1", path)
                self.exits(self.flow(path), "done")
                self.exits(harness.longtake("verify", self.out / f"size{size}.h5"), "done")

    def test_16k_claimed(self):
        """A file of a hundred bytes that claims 16384x16384 is refused by the memory plan, before anything is decoded."""
        folder = self.dir / "huge"
        folder.mkdir(exist_ok=True)
        for i in range(3):
            png_claiming(folder / f"{i:05d}.png", 16384, 16384)
        r = self.flow("--memory-limit", "1GiB", folder, timeout=30)
        self.assertIn(r.code, (harness.EXIT["data"], harness.EXIT["device"]), r.text)
        self.assertIn("huge", r.text)

    def test_other_settings(self):
        """An out/ made by other settings is refused, and the setting is named."""
        self.exits(self.flow(self.good), "done")
        out = self.out
        r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--type", "f16", self.good)
        self.exits(r, "usage", "type")
        r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--segment-frames", "5", self.good)
        self.exits(r, "usage", "segment-frames")
        r = harness.longtake("run", "--task", "flow", "--preset", "fast", "--out", out, "--max-res", "64", self.good)
        self.exits(r, "usage", "max-res")

    def test_same_stem_twice(self):
        other = self.dir / "other"
        other.mkdir(exist_ok=True)
        harness.clip(other / "good.mkv", 4)
        r = self.flow(self.good, other / "good.mkv")
        self.exits(r, "usage", "good.mp4", "good.mkv")
        self.exits(self.flow("--name-by", "path", self.good, other / "good.mkv"), "done")

    def test_shards(self):
        for text in ("3/3", "-1/3", "1/0", "a/b", "1", "1/2/3"):
            with self.subTest(shard=text):
                self.exits(self.flow(f"--shard={text}", self.good), "usage", "shard")

    def test_misspelt_option(self):
        r = self.flow("--segment-frame", "8", self.good)
        self.exits(r, "usage", "--segment-frames")
        r = self.flow("--thread", "1", self.good)
        self.exits(r, "usage", "--threads")

    def test_no_video(self):
        self.exits(self.flow(), "usage")

    def test_list_of_inputs(self):
        path = self.dir / "list.txt"
        path.write_text(f"{self.good}\n")
        self.exits(self.flow("--input-list", path), "done")
        self.assertTrue((self.out / "good.h5").exists())
        self.exits(self.flow("--input-list", self.dir / "no-list.txt"), "usage", "no-list.txt")


if __name__ == "__main__":
    harness.main()
