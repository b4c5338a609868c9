"""Opens a result as docs/output.md tells people to, with h5py and with both of xarray's engines.

ctest gives MAKE_RESULT, the program that writes it, and PYDEPS, a folder of the build tree into which pip puts h5py,
xarray, h5netcdf and netCDF4 at the first run. Without a network (pip fails) the test is skipped and says so.
"""
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SKIP = 77
PACKAGES = ["h5py", "xarray", "h5netcdf", "netCDF4", "numpy"]
T, H, W = 6, 5, 7


def provide(folder):
    stamp = folder / ".complete"
    if not stamp.exists():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                               "--target", str(folder), *PACKAGES], capture_output=True, text=True)
        if done.returncode:
            print("skipped: pip could not install " + " ".join(PACKAGES) + ": " + done.stderr.strip()[-300:])
            sys.exit(SKIP)
        stamp.touch()
    sys.path.insert(0, str(folder))


provide(pathlib.Path(os.environ["PYDEPS"]))
import h5py             # noqa: E402
import numpy as np      # noqa: E402
import xarray           # noqa: E402


def expected(half=True):
    t, i = np.meshgrid(np.arange(T), np.arange(H * W), indexing="ij")
    x = ((t * 1000 + i) * np.float32(0.25)).astype(np.float32)
    flow = np.stack([x, -x], axis=2).reshape(T, H, W, 2)
    depth = (np.float32(t + 1) / np.float32(i + 3)).astype(np.float16 if half else np.float32).reshape(T, H, W)
    occluded = ((t + i) % 2).astype(np.uint8).reshape(T, H, W)
    for a, fill in (flow, np.nan), (depth, np.nan), (occluded, 255):
        a[2] = fill
    flow[5], occluded[5] = np.nan, 255
    return flow, depth, occluded


class Read(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        for kind in "f16", "f32":
            subprocess.run([os.environ["MAKE_RESULT"], f"{cls.folder.name}/{kind}", kind], check=True)
        cls.path = cls.folder.name + "/f16/film.h5"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_h5py(self):
        with h5py.File(self.path) as f:
            flow = f["frames/flow"][:]
            seconds = f["frames/time"][:]
            wanted = expected()
            np.testing.assert_array_equal(flow, wanted[0])
            self.assertEqual(f["frames/depth"].dtype, np.float16)
            np.testing.assert_array_equal(f["frames/depth"][:].view(np.uint16), wanted[1].view(np.uint16))
            np.testing.assert_array_equal(f["frames/occluded"][:], wanted[2])
            np.testing.assert_array_equal(seconds, [0, 0.04, 0.08, 0.125, 0.16, 0.2])
            np.testing.assert_array_equal(f["frames/frame"][:], [0, 2, 4, 6, 8, 10])
            self.assertEqual(f["frames/flow"].attrs["units"], "pixel")
            self.assertEqual(f["frames/flow"].attrs["long_name"], "forward flow")
            self.assertEqual(f["frames/time"].attrs["units"], "s")
            self.assertEqual([d[0].name for d in f["frames/flow"].dims],
                             ["/frames/time", "/frames/y", "/frames/x", "/frames/component"])
            self.assertEqual(int(f["frames/flow"].attrs["_FillValue"].view(np.uint32)), 0x7FC00000)
            self.assertEqual(int(f["frames/depth"].attrs["_FillValue"].view(np.uint16)), 0x7E00)
            self.assertEqual((f.attrs["complete"], f.attrs["longtake_format"]), (1, 1))
            self.assertEqual(list(f["segments/state"].asstr()), ["failed"])
            self.assertEqual(list(f["segments/unreadable_frame"]), [2])
            self.assertEqual(list(f["segments/unreadable_reason"].asstr()), ["a corrupt packet"])
            self.assertEqual((f["segments/rank"][0], f["segments/start"][0], f["segments/end"][0]), (3, 0, T - 1))
            self.assertIn('"task": "flow"', f["provenance"].attrs["run_json"])
            self.assertEqual(list(f["provenance"].attrs["plans"]), ["a plan"])

    def check_xarray(self, engine, kind):
        with xarray.open_dataset(f"{self.folder.name}/{kind}/film.h5", group="frames", engine=engine) as d:
            wanted = expected(kind == "f16")
            self.assertEqual(d.flow.dims, ("time", "y", "x", "component"))
            np.testing.assert_array_equal(d.flow.sel(component="y").values, wanted[0][..., 1])
            np.testing.assert_array_equal(d.time.values, [0, 0.04, 0.08, 0.125, 0.16, 0.2])
            self.assertEqual(d.time.attrs["units"], "s")
            self.assertEqual(d.frame.dims, ("time",))
            np.testing.assert_array_equal(d.frame.values, [0, 2, 4, 6, 8, 10])
            self.assertEqual((d.flow.attrs["units"], d.flow.attrs["long_name"]), ("pixel", "forward flow"))
            seen = d.occluded.values
            self.assertTrue(math.isnan(seen[5, 0, 0]) and seen[0, 0, 1] == 1)
            self.assertEqual(d.flow.sel(time=0.125).values[0, 0, 0], 750)
            np.testing.assert_array_equal(d.depth.values, wanted[1])

    def test_h5netcdf(self):
        self.check_xarray("h5netcdf", "f32")
        self.check_xarray("h5netcdf", "f16")

    def test_netcdf4(self):
        # netCDF has no 16-bit float; its library (4.10.1) crashes on a file that holds one.
        self.check_xarray("netcdf4", "f32")

    def test_halves_are_those_of_numpy(self):
        rows = np.float32(np.arange(1, T + 1))[:, None] / np.float32(np.arange(H * W) + 3)[None]
        with h5py.File(self.path) as f:
            mine = f["frames/depth"][:].reshape(T, -1).view(np.uint16)
        keep = [0, 1, 3, 4, 5]
        np.testing.assert_array_equal(mine[keep], rows.astype(np.float16).view(np.uint16)[keep])


if __name__ == "__main__":
    unittest.main()
