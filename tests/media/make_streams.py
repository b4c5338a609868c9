#!/usr/bin/env python3
"""make_streams.py: h264 that no encoder of the ffmpeg command line writes.

    make_streams.py fields OUT.h264     40 pictures of 32x32, coded as two fields or as one frame in turn (PAFF)
    make_streams.py silent IN.mp4 OUT   IN, whose stream no longer says how far it reorders frames

Syntax: ITU-T H.264 7.3.2.1 (sequence), 7.3.2.2 (picture), 7.3.3 (slice), 7.3.5 (macroblock), annex E.1.1."""
import sys

SIDE = 2                                        # macroblocks a row, and rows of a frame


class Bits:
    def __init__(self):
        self.text = ""

    def u(self, n, value):
        self.text += format(value, f"0{n}b")

    def ue(self, *values):
        for value in values:
            code = format(value + 1, "b")
            self.text += "0" * (len(code) - 1) + code

    def align(self):
        self.text += "0" * (-len(self.text) % 8)

    def nal(self, head):
        self.text += "1"
        self.align()
        return b"\0\0\0\1" + bytes([head]) + escape(to_bytes(self.text))


def to_bytes(text):
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def escape(raw):
    out, zeros = bytearray(), 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def unescape(raw):
    out, zeros = bytearray(), 0
    for byte in raw:
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def parameter_sets():
    s = Bits()
    s.u(24, 77 << 16 | 30)                      # Main, level 3
    s.ue(0, 4, 0, 4, 2)                         # 8 bits of frame_num and of picture order, 2 references
    s.u(1, 0)
    s.ue(SIDE - 1, SIDE // 2 - 1)
    s.u(5, 0b00100)                             # fields allowed, no MBAFF, direct 8x8, no cropping, no VUI
    p = Bits()
    p.ue(0, 0)
    p.u(2, 0)                                   # CAVLC
    p.ue(0, 0, 0)
    p.u(3, 0)
    p.ue(0, 0, 0)
    p.u(3, 0b100)                               # the slice says whether to deblock
    return s.nal(0x67) + p.nal(0x68)


def samples(b, picture, block, parity):
    """A raw macroblock: a ramp that differs by picture, place and field."""
    b.align()
    for i in range(384):
        b.u(8, 1 + (i * 7 + picture * 29 + block * 53 + parity * 101 + (i * i >> 5)) % 254)


def picture_slice(t, gop, field, first):
    """Slice of picture t as frame (field None) or one field; intra where it is the first of a group."""
    intra = t % gop == 0 and first
    n_blocks = SIDE * SIDE if field is None else SIDE * SIDE // 2
    b = Bits()
    b.ue(0, 7 if intra else 5, 0)
    b.u(8, t % gop)
    b.u(1, field is not None)
    if field is not None:
        b.u(1, field)
    if intra:
        b.ue(t // gop % 2)
    b.u(8, 2 * (t % gop) + (field or 0))
    b.u(2, 0)                                   # intra: keeps nothing; else: as many references as the picture says, in order
    if not intra:
        b.u(1, 0)
    b.ue(0, 1)                                  # quantiser, no deblocking
    raw = range(n_blocks) if intra else [t % n_blocks]
    skipped = 0
    for block in range(n_blocks):
        if block not in raw:
            skipped += 1
            continue
        if not intra:
            b.ue(skipped)
        skipped = 0
        b.ue(25 if intra else 30)
        samples(b, t, block, field or 0)
    if skipped:
        b.ue(skipped)
    return b.nal(0x65 if intra else 0x61)


def fields():
    out = b""
    for t in range(40):
        if t % 10 == 0:
            out += parameter_sets()
        if t % 3 == 2:
            out += picture_slice(t, 10, None, True)
        else:
            out += picture_slice(t, 10, 0, True) + picture_slice(t, 10, 1, False)
    return out


class Reader:
    def __init__(self, raw):
        self.text, self.at = "".join(format(x, "08b") for x in raw), 0

    def u(self, n=1):
        self.at += n
        return int(self.text[self.at - n:self.at], 2)

    def ue(self, count=1):
        for _ in range(count):
            zeros = 0
            while not self.u():
                zeros += 1
            value = (1 << zeros) - 1 + (self.u(zeros) if zeros else 0)
        return value


def silence(sequence):
    """The set without bitstream_restriction_flag; for progressive 4:2:0 of x264, order of pictures by type 0 or 2."""
    r = Reader(unescape(sequence))
    r.u(8)
    high = r.u(8) == 100
    r.u(16)
    r.ue()
    if high:
        r.ue(3)
        assert r.u(2) == 0
    r.ue()
    if r.ue() == 0:
        r.ue()
    r.ue()
    r.u()
    r.ue(2)
    assert r.u() == 1
    r.u()
    if r.u():
        r.ue(4)
    assert r.u() == 1
    if r.u() and r.u(8) == 255:
        r.u(32)
    if r.u():
        r.u()
    if r.u() and (r.u(4), r.u())[1]:
        r.u(24)
    if r.u():
        r.ue(2)
    if r.u():
        r.u(65)
    assert r.u(2) == 0
    r.u()
    assert r.u() == 1
    text = r.text[:r.at - 1] + "01"
    return escape(to_bytes(text + "0" * (-len(text) % 8)))


def silent(raw):
    box = raw.index(b"avcC")
    n = int.from_bytes(raw[box + 10:box + 12], "big")
    new = silence(raw[box + 12:box + 12 + n])
    assert len(new) <= n
    return raw[:box + 12] + new + bytes(n - len(new)) + raw[box + 12 + n:]


if sys.argv[1] == "fields":
    open(sys.argv[2], "wb").write(fields())
else:
    open(sys.argv[3], "wb").write(silent(open(sys.argv[2], "rb").read()))
