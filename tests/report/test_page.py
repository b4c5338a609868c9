"""report.html without a browser: well-formed, self-contained, told in words too, and of a size that can be opened.

ctest gives MAKE_REPORT, the program that writes the pages. Python's standard library only.
"""
import re
import unittest
import xml.etree.ElementTree as ET

import pages


def words(element):
    """The text, without that of drawings inside."""
    def parts(e):
        yield e.text or ""
        for child in e:
            if child.tag != "svg":
                yield from parts(child)
            yield child.tail or ""
    return " ".join("".join(parts(element)).split())


def luminance(colour):
    """Source: WCAG 2.2, "relative luminance"."""
    colour = colour.lstrip("#")
    colour = "".join(2 * c for c in colour) if len(colour) == 3 else colour
    part = [int(colour[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    part = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in part]
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def rows_of(root, name):
    """The cells' words of the table with this label."""
    frame = root.find(f".//div[@aria-label='{name}']")
    return [[words(cell) for cell in row] for row in frame.iter("tr")]


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = pages.Pages()
        # A page that is no XML ends the test here: text was not escaped, or an element not closed.
        cls.roots = {name: ET.fromstring(cls.pages.text(name)) for name in pages.NAMES}

    @classmethod
    def tearDownClass(cls):
        cls.pages.close()

    def test_nothing_is_fetched_and_nothing_runs(self):
        for name, root in self.roots.items():
            text = self.pages.text(name)
            self.assertNotRegex(re.sub(r'data:image/png;base64,[^"]*', "", text), r"(?i)https?:|@import|url\((?!#w\d\))", name)
            for e in root.iter():
                self.assertNotIn(e.tag, ("script", "link", "iframe", "object", "embed", "foreignObject", "base"), name)
                for key, value in e.attrib.items():
                    self.assertFalse(key.startswith("on"), f"{name}: {e.tag} {key}")
                    if key == "src":
                        self.assertTrue(value.startswith("data:image/png;base64,"))
                    if key == "href":
                        self.assertRegex(value, r"^(\./|/)[A-Za-z0-9%._~/-]*$", name)

    def test_text_from_outside_comes_through_whole(self):
        root = self.roots["awkward"]
        wanted = " ".join(pages.HOSTILE.split())
        self.assertEqual(words(root.find("head/title")), wanted)
        self.assertEqual(words(root.find(".//h1")), wanted)
        self.assertEqual(words(root.find(".//pre")), wanted)
        self.assertEqual(rows_of(root, "What failed")[1], [wanted, "all", wanted])
        self.assertEqual(rows_of(root, "Videos")[1][0], wanted + wanted)
        self.assertEqual(rows_of(root, "Ranks")[1][1], wanted)
        self.assertIn(wanted, rows_of(root, "Seconds of each stage")[1])
        self.assertEqual(rows_of(root, "Settings")[0], [wanted, wanted])
        self.assertEqual(root.find(".//div[@aria-label='Videos']//a").get("href"), "./a%3Ab%3Fc%23%22d%25.h5")

    def test_no_number_that_is_none(self):
        for name, root in self.roots.items():
            for e in root.iter():
                for text in [e.text or "", *e.attrib.values()] if e.tag not in ("style", "img") else []:
                    self.assertNotRegex(text, r"(?i)(^|[^a-z])-?(nan|inf)([^a-z]|$)", f"{name}: {e.tag}")

    def test_every_picture_is_told(self):
        for name, root in self.roots.items():
            ids = [e.get("id") for e in root.iter() if e.get("id")]
            self.assertEqual(len(ids), len(set(ids)), name)
            for e in root.iter("img"):
                self.assertTrue(e.get("alt"), name)
            inner = {id(x) for e in root.iter("svg") for x in e.iter("svg") if x is not e}
            outer = [e for e in root.iter("svg") if id(e) not in inner]
            for e in outer:
                self.assertEqual([c.tag for c in e[:2]], ["title", "desc"], name)
                self.assertTrue(words(e[1]))
                if e.get("role") == "img":
                    self.assertTrue(words(e[0]))
                    self.assertEqual(e.get("aria-labelledby").split(), [e[0].get("id"), e[1].get("id")])
                else:
                    self.assertEqual(e.get("aria-hidden"), "true")
            self.assertEqual(len(outer) > 0, name != "empty")

    def test_numbers_are_in_tables_too(self):
        one, four = self.roots["one"], self.roots["four"]
        self.assertEqual(rows_of(one, "Memory of each rank")[1],
                         ["0", "1.43 GiB", "1.43 GiB", "100 %", "742.0 MiB", "690.0 MiB", "93 %", "240"])
        self.assertEqual(rows_of(one, "What failed")[1][:2], ["torn.mkv", "377 to 511"])
        stages = {row[0]: row[1:] for row in rows_of(one, "Seconds of each stage")}
        # 318.6 s of work, of which the stages named are 306.2, and 31.7 of waiting; shares are of both.
        self.assertEqual(stages["encode"], ["2:28", "42 %"])
        self.assertEqual(stages["other work"], ["12.4 s", "3.5 %"])
        self.assertEqual(stages["waiting: store"], ["7.20 s", "2.1 %"])
        self.assertEqual(rows_of(four, "Memory of each rank")[4][-2:], ["111 %, over", "240"])
        self.assertIn("1 of 4 ranks held more than was planned", words(four))
        self.assertEqual(len(rows_of(four, "Seconds of each rank and stage")), 5)
        self.assertEqual(len(rows_of(self.roots["many"], "Memory of each rank")), 71)

    def test_bars_follow_each_other_on_the_scale(self):
        for name in "one", "four", "many", "awkward":
            bars = {}
            for e in self.roots[name].iter("rect"):
                if "bar" in (e.get("class") or "").split():
                    bars.setdefault(e.get("y"), []).append((float(e.get("x")[:-1]), float(e.get("width")[:-1])))
            self.assertTrue(bars, name)
            for row in bars.values():
                at = 0
                for x, width in row:
                    self.assertAlmostEqual(x, at, delta=0.01)
                    at = x + width
                self.assertLess(at, 100.01)

    def test_unknown_bytes_are_a_gap(self):
        lines = [e.get("d") for e in self.roots["four"].iter("path") if e.get("class") == "dev"]
        self.assertEqual([d.count("M") for d in lines], [1, 1, 2, 1])
        areas = [e.get("d") for e in self.roots["four"].iter("path") if e.get("class") == "area"]
        self.assertEqual([d.count("Z") for d in areas], [1, 1, 2, 1])

    def test_many_ranks_and_samples_stay_small(self):
        root = self.roots["many"]
        self.assertLess(len(self.pages.text("many")), 600_000)
        self.assertEqual(sum(e.get("class") == "dev" for e in root.iter("path")), 64)
        self.assertEqual(words(root).count("The other 6 ranks are in the table alone."), 2)
        for e in root.iter("path"):
            if e.get("class") in ("dev", "host"):
                self.assertLess(len(e.get("d").split()), 400)

    def test_words_can_be_read(self):
        """Words on their grounds: 4.5 to 1 at least, lines and hatches 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11), in light and dark."""
        style = self.roots["one"].find("head/style").text
        blocks = re.findall(r":root\{([^}]*)\}", style)
        self.assertEqual(len(blocks), 2)
        light = dict(re.findall(r"--(\w+):(#\w+)", blocks[0]))
        for colours in light, {**light, **dict(re.findall(r"--(\w+):(#\w+)", blocks[1]))}:
            for ink, ground, least in (("ink", "page", 7), ("ink", "card", 7), ("soft", "page", 4.5), ("soft", "card", 4.5),
                                       ("link", "page", 4.5), ("link", "card", 4.5), ("good2", "good", 4.5), ("bad2", "bad", 4.5),
                                       ("fair2", "fair", 4.5), ("bad2", "card", 4.5), ("dev", "card", 3), ("host", "card", 3),
                                       ("dev2", "card", 4.5), ("host2", "card", 4.5), ("wait", "faint", 3)):
                self.assertGreater(contrast(colours[ink], colours[ground]), least, f"{ink} on {ground}")

    def test_nothing_known_is_a_short_page(self):
        root = self.roots["empty"]
        self.assertFalse(list(root.iter("section")))
        self.assertEqual([words(c) for c in root.find(".//div[@class='cards']")], ["0 videos", "0 ranks"])


if __name__ == "__main__":
    unittest.main()
