"""report.html in headless Chromium: its words can be seen, its plots are where their numbers say, on a desk and on a phone.

ctest gives MAKE_REPORT, the program that writes the pages. Without a Chromium that starts the test is skipped; CHROMIUM
names one. The browser's profile, home and temporary files are in a folder that is removed. LT_KEEP=DIR keeps the pictures.
"""
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness      # noqa: E402
import pages        # noqa: E402

SECONDS = 120                # a cold start on a busy machine takes a while
# What the style sheet calls dev, host, c1, c2 and page; page and card when it is dark.
DEVICE, HOST, ENCODE, DECODE, PAPER = (0, 114, 178), (213, 94, 0), (230, 159, 0), (0, 158, 115), (244, 245, 248)
NIGHT, CARD_AT_NIGHT = (18, 21, 27), (27, 31, 40)

# A page in a frame as wide as the window to be, since a window of a headless browser has a least width: what is laid out where,
# and what can be seen of it.
MEASURE = """<!DOCTYPE html><body style="margin:0"><iframe style="border:0;width:%dpx;height:%dpx" srcdoc="%s"></iframe><script>
addEventListener('load', () => {
  const view = document.querySelector('iframe').contentWindow, page = view.document;
  const all = (e, what) => [...e.querySelectorAll(what)];
  const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; };
  const seen = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && box(e)[2] > 0 && box(e)[3] > 0;
  const plot = e => [...box(e).slice(0, 3), +(e.querySelector('svg.lines') || e).getAttribute('height')];
  const out = {
    words: page.body.innerText, width: page.documentElement.scrollWidth, inner: view.innerWidth,
    labels: all(page, '.plot > svg text').filter(seen).map(e => [e.textContent, ...box(e)]),
    plots: Object.fromEntries(all(page, 'section[id]').map(s => [s.id, all(s, '.plot > svg').map(plot)])),
    cards: all(page, '.chart').map(box),
  };
  const pre = document.createElement('pre');
  pre.id = 'measured';
  pre.textContent = JSON.stringify(out);
  document.body.append(pre);
});
</script></body>"""


def find_browser():
    for name in filter(None, (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")):
        path = shutil.which(name)
        # What Ubuntu calls chromium-browser may be a script that asks for a snap.
        if path and subprocess.run([path, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return path
    return None


class Picture:
    def __init__(self, path, width, height):
        self.width, self.height = width, height
        self.rgb = subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-i", path, "-f", "rawvideo",
                                   "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE, check=True).stdout
        assert len(self.rgb) == 3 * width * height, "the picture is not as large as the window"

    def at(self, x, y):
        i = 3 * (int(y) * self.width + int(x))
        return tuple(self.rgb[i:i + 3])

    def across(self, y, first, last, colour, apart=24):
        """Of the places from first to last in line y: how many have about this colour."""
        near = [all(abs(a - b) <= apart for a, b in zip(self.at(x, y), colour)) for x in range(int(first), int(last))]
        return sum(near)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = pages.Pages()

    @classmethod
    def tearDownClass(cls):
        cls.pages.close()

    def browse(self, *words):
        with tempfile.TemporaryDirectory(prefix="longtake-browser-", ignore_cleanup_errors=True) as home:
            env = {k: home for k in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "TMPDIR")}
            job = harness.Job([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
                               "--disable-background-networking", "--no-first-run", "--hide-scrollbars", "--force-device-scale-factor=1",
                               "--force-color-profile=srgb", "--enable-logging=stderr", f"--user-data-dir={home}/profile", *words], env=env, cwd=home)
            code = job.wait(SECONDS)
            left = job.gone(20)
            job.end()
            text = job.output()
        self.assertEqual((code, left), (0, []), text)
        self.assertNotRegex(text, r"Content Security Policy|ERR_[A-Z_]+ ", text)
        return text

    def measured(self, name, width, height):
        """The layout of a page in a window of this size."""
        frame = self.pages.folder / f"{name}-{width}.html"
        frame.write_text(MEASURE % (width, height, html.escape(self.pages.text(name))), encoding="utf-8")
        dom = self.browse("--dump-dom", frame.as_uri())
        return json.loads(html.unescape(re.search(r'<pre id="measured">(.*?)</pre>', dom, re.S)[1]))

    def picture(self, name, width, height, *words):
        path = self.pages.folder / f"{name}-{width}.png"
        self.browse(f"--screenshot={path}", f"--window-size={width},{height}", *words, self.pages.path(name).as_uri())
        if keep := os.environ.get("LT_KEEP"):
            pathlib.Path(keep).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, f"{keep}/{name}-{width}{'-dark' if words else ''}.png")
        return Picture(path, width, height)

    def is_seen(self, layout, *words):
        text = " ".join((layout["words"] + " " + " ".join(label[0] for label in layout["labels"])).split())
        for w in words:
            self.assertIn(w, text)

    def fits(self, layout):
        """The page does not scroll sideways, and no word of a plot leaves its card or covers a mark of the scale below it."""
        self.assertLessEqual(layout["width"], layout["inner"])
        for text, x, y, w, h in layout["labels"]:
            inside = [c for c in layout["cards"] if c[0] <= x and x + w <= c[0] + c[2] and c[1] <= y and y + h <= c[1] + c[3]]
            self.assertEqual(len(inside), 1, f"{text} at {x}, {y}")
        scale = [label for label in layout["labels"] if re.fullmatch(r"0|[\d.]+ (s|min|h|d|[KMGT]iB)", label[0])]
        for i, (a, ax, ay, aw, ah) in enumerate(scale):
            for b, bx, by, bw, bh in scale[i + 1:]:
                self.assertFalse(ax < bx + bw and bx < ax + aw and ay + 3 < by + bh and by + 3 < ay + ah, f"{a} at {ax}, {ay} covers {b}")

    def test_its_numbers_are_seen(self):
        layout = self.measured("one", 1280, 2600)
        self.is_seen(layout, "longtake: depth", "ended with failures", "exit code 65", "1952 frames", "135 frames failed", "6:12 this run", "4.88 frames/s",
                     "377 to 511", "frame 377 cannot be decoded", "1920x1080", "device: at most 1.43 GiB of 1.43 GiB planned (100 %)",
                     "host: at most 690.0 MiB of 742.0 MiB planned (93 %)", "device, planned", "0.5 GiB", "1.5 GiB", "2 min", "encode 2:28 42 %", "5:50",
                     "nimbus", "What was planned", "vda-small", "libavcodec 59.37.100")
        self.fits(layout)
        layout = self.measured("awkward", 1280, 2600)
        self.is_seen(layout, " ".join(pages.HOSTILE.split()), "and 4000000000 more.")
        self.assertLessEqual(layout["width"], layout["inner"])

    def test_lines_and_bars_are_where_their_numbers_say(self):
        width, height = 1280, 2600
        layout = self.measured("one", width, height)
        self.assertLessEqual(layout["plots"]["time"][0][1] + 100, height)
        shot = self.picture("one", width, height)
        self.assertEqual(shot.at(3, 3), PAPER)
        # The device holds 1460 MiB from 5 % to 97 % of the time; the scale ends at 1.5 GiB.
        x, y, w, h = layout["plots"]["memory"][0]
        row = y + h * (1 - 1460 / 1536)
        found = max(shot.across(row + d, x, x + w, DEVICE) for d in (-1, 0, 1))
        # The plan is the same number: of its dashes, in another colour, 4 pixels of 11 let the line be seen.
        self.assertGreater(found, 0.3 * 0.9 * w)
        self.assertLess(sum(shot.across(y + h * part, x, x + w, DEVICE) for part in (0.2, 0.35, 0.8)), 60, "the line is not everywhere")
        # The host wavers between 0.85 and 1 of 690 MiB after 12 % of the time.
        rows = range(int(y + h * (1 - 700 / 1536)), int(y + h * (1 - 580 / 1536)))
        self.assertGreater(sum(shot.across(r, x + 0.15 * w, x + w, HOST) for r in rows), 0.85 * w)
        self.assertEqual(shot.across(y + h * 0.9, x + 0.2 * w, x + w, HOST), 0)
        # Of a scale that ends at 350.3 s, encode is from 21.4 to 169.6, the decoder from there to 266.3.
        x, y, w, h = layout["plots"]["time"][0]
        for colour, seconds in (ENCODE, 148.2), (DECODE, 96.7):
            self.assertAlmostEqual(shot.across(y + 24, x, x + w, colour), w * seconds / 350.3, delta=5)
        self.assertEqual(shot.across(y + 24, x, x + w * 20 / 350.3, ENCODE), 0)

    def test_a_phone_and_the_night(self):
        width, height = 420, 3200
        layout = self.measured("four", width, height)
        self.fits(layout)
        self.is_seen(layout, "stopped: signal TERM", "108 000 frames", "rank 3", "1.85 GiB",
                     "1 of 4 ranks held more than was planned", "80 min", "1:28:17", "waiting: other ranks")
        self.assertEqual(len(layout["plots"]["memory"]), 4)
        shot = self.picture("four", width, height, "--blink-settings=preferredColorScheme=0")
        self.assertEqual(shot.at(3, 3), NIGHT)
        # Rank 2's memory was not known from sample 90 to 119 of 240: the ground below its line shows only there.
        x, y, w, h = layout["plots"]["memory"][2]
        row = y + h * (1 - 3 / 6)
        before, gap, after = (shot.across(row, x + w * a, x + w * b, CARD_AT_NIGHT, 2) / (w * (b - a)) for a, b in ((0.1, 0.36), (0.39, 0.49), (0.52, 0.9)))
        self.assertEqual((before, after), (0, 0))
        self.assertGreater(gap, 0.95)

    def test_many_ranks(self):
        layout = self.measured("many", 1000, 9000)
        self.assertEqual(len(layout["plots"]["memory"]), 64)
        self.fits(layout)
        self.is_seen(layout, "70 ranks", "The other 6 ranks are in the table alone.", "device: 61.0 GiB of 64.0 GiB (95 %)")


BROWSER = find_browser()
if __name__ == "__main__":
    if not BROWSER:
        print("skipped: there is no Chromium here (CHROMIUM names one)")
        sys.exit(harness.SKIP)
    unittest.main()
