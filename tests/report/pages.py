"""The pages that MAKE_REPORT writes, for the tests of this folder."""
import os
import pathlib
import subprocess
import tempfile

NAMES = ("one", "four", "many", "awkward", "empty")
# What make_report calls things in awkward.html, as a page shows it: no bytes that are not UTF-8, no control characters.
HOSTILE = "<script>alert(\"1\")</script> & 'ü' 影片 \ufffd\ufffd\ufffd  ]]>--><svg onload=x>"


class Pages:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="longtake-report-")
        self.folder = pathlib.Path(self._folder.name)
        subprocess.run([os.environ["MAKE_REPORT"], self.folder], check=True)

    def path(self, name):
        return self.folder / f"{name}.html"

    def text(self, name):
        return self.path(name).read_text(encoding="utf-8")

    def close(self):
        self._folder.cleanup()
