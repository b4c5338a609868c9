"""What no file of ours may contain: an exit below main/, a developer's own paths, notes of things undone."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = {".c", ".h", ".cu", ".cuh", ".cpp"}
# A pattern, where it counts, and what is wrong with it. Each is spelled so that this file does not match itself.
RULES = (
    (re.compile(r"(?<![\w.>])(?:_?e[x]it|a[b]ort|quick_e[x]it|MPI_A[b]ort)\s*\("), "below main",
     "a library never ends the process: return a status"),
    (re.compile(r"/(?:home|Users|root|work|mnt)/[a-z][\w.-]*"), "everywhere", "a path of one developer's machine"),
    (re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b"), "everywhere", "unfinished work belongs into the tracker"),
    (re.compile(r"^(?:<{7}|>{7}|={7})(?: |$)", re.M), "everywhere", "left by a merge"),
    (re.compile(r"\b(?:sprintf|gets|vsprintf)\s*\("), "sources", "has no bound: use snprintf"),
    (re.compile(r"\brand\s*\(\)"), "sources", "depends on the C library: a seed and a formula instead"),
)


# Ends a child process of its own making, never the caller's.
CHILDREN = {("src/store/verify.c", "_exit(")}


def files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            stdout=subprocess.PIPE)
    if listed.returncode == 0 and listed.stdout:
        names = [ROOT / n.decode() for n in listed.stdout.split(b"\0") if n]
    else:
        names = [p for p in ROOT.rglob("*") if not {"build", ".git", "out"} & set(p.relative_to(ROOT).parts)]
    return [p for p in sorted(set(names)) if p.is_file() and not p.is_symlink()]


def without_comments(text):
    """Comments blanked, strings kept, lines kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda m: m[0] if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), text)


def main():
    wrong, n = [], 0
    for path in files():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        n += 1
        where = path.relative_to(ROOT)
        text = data.decode(errors="replace")
        code = without_comments(text) if path.suffix in SOURCE else text
        is_source = path.suffix in SOURCE
        is_source = is_source and where.parts[0] in ("src", "include", "tools")
        below_main = is_source and where.parts[0] in ("src", "include") and where.parts[:2] != ("src", "main")
        for pattern, scope, why in RULES:
            if scope == "below main" and not below_main or scope == "sources" and not is_source:
                continue
            subject = code if scope != "everywhere" else text
            for m in pattern.finditer(subject):
                if (str(where), m[0].strip()) in CHILDREN:
                    continue
                line = subject.count("\n", 0, m.start()) + 1
                wrong.append(f"{where}:{line}: '{m[0].strip()}': {why}")
    print("\n".join(wrong))
    print(f"{n} files, {len(wrong)} places")
    return 1 if wrong or n < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
