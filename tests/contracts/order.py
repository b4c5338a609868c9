"""The include graph runs the way the data runs (docs/flow.md): a module sees its own headers and those before it.

A public header belongs to the module of src/ that implements it; PUBLIC says which where the name does not.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Floors first, then the stages in the order of the data, then those beside and above them.
ORDER = ("base device kernels graph weights onnx comm models segment media budget frames infer align store report tasks "
         "pipeline main").split()
# Public headers whose name is not their module's.
PUBLIC = dict(status="base", clock="base", pool="base", stop="base", log="base", hash="base", json="base", option="base", settings="base",
              file="base", fault="base", field="base", dtype="base", atomic="base", arena="device", tensor="kernels", kernel="kernels", ops="kernels", depth="infer", model="models", rate="kernels", arrays="store", cpu="device", gpu="device", device="device", colour="report",
              image="report", plot="report", metrics="report", progress="report", sheet="report", picture="report", video_writer="media", task="tasks", run="pipeline", yuv="media", place="pipeline", timeline="base",
              job="store", job_status="pipeline", result="store", merge="pipeline", halo="comm", carrier="comm", flow="infer", verify="store")
# Foreign headers that one module alone may see; main says their versions in `doctor` and `version`.
FOREIGN = (
    (r"libav\w+/|libsw\w+/", {"media", "main"}),
    (r"hdf5\w*\.h", {"store", "main"}),
    (r"mpi\.h", {"comm", "main"}),
    (r"nccl\.h", {"comm", "main"}),
    (r"cuda\w*\.h|cublas\w*\.h|cudnn\w*\.h", {"device", "kernels", "graph", "main"}),
    (r"popt\.h|yaml\.h", {"base", "main"}),
    (r"png\.h", {"report", "main"}),
    (r"zip\.h", {"weights", "main"}),
    (r"(oneapi/dnnl/)?dnnl\w*\.h", {"kernels", "main"}),
    (r"libdeflate\.h", {"store", "report", "weights", "main"}),
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    return INCLUDE.findall(text)


def module_of_public(name, unknown):
    stem = pathlib.Path(name).stem
    if stem in PUBLIC:
        return PUBLIC[stem]
    if stem in ORDER:
        return stem
    found = sorted({p.relative_to(ROOT / "src").parts[0] for p in (ROOT / "src").rglob(f"{stem}.[ch]*")})
    if len(found) == 1:
        return found[0]
    unknown.add(f"include/longtake/{stem}.h: no module is named for it: add it to PUBLIC in tests/contracts/order.py")
    return None


def owner(path, kind, name, unknown):
    """The module of an included header of ours; None for a foreign one."""
    if name.startswith("longtake/"):
        return module_of_public(name, unknown)
    if kind == "<":
        return None
    for base in (path.parent, ROOT / "src", ROOT / "include"):
        target = (base / name).resolve()
        if target.exists():
            if ROOT / "src" in target.parents:
                return target.relative_to(ROOT / "src").parts[0]
            return module_of_public(name, unknown)
    return None


def main():
    wrong, unknown, seen = [], set(), 0
    files = [p for p in sorted((ROOT / "src").rglob("*")) if p.suffix in (".c", ".h", ".cu", ".cuh", ".cpp")]
    files += sorted((ROOT / "include/longtake").glob("*.h"))
    for path in files:
        where = path.relative_to(ROOT)
        mine = where.parts[1] if where.parts[0] == "src" else module_of_public(where.name, unknown)
        if mine is None:
            continue
        if mine not in ORDER:
            wrong.append(f"{where}: {mine} is no module of docs/flow.md: add it to ORDER in tests/contracts/order.py")
            continue
        for kind, name in includes(path):
            seen += 1
            theirs = owner(path, kind, name, unknown)
            if theirs in ORDER and ORDER.index(theirs) > ORDER.index(mine):
                wrong.append(f"{where} includes {name}: {theirs} comes after {mine}")
            for pattern, allowed in FOREIGN:
                if theirs is None and re.match(rf"(?:{pattern})", name) and mine not in allowed:
                    wrong.append(f"{where} includes {name}: only {', '.join(sorted(allowed))} may")
            if name.endswith((".c", ".cu")):
                wrong.append(f"{where} includes {name}: a source is never included")
    wrong += sorted(unknown)
    print("\n".join(wrong))
    print(f"{seen} includes in {len(files)} files, {len(wrong)} against the order")
    return 1 if wrong or seen < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
