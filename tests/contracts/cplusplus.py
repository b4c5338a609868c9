"""Each public header that offers itself to C++ (extern "C") can be included from C++17, alone."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")
if not compiler:
    print("SKIP: no C++ compiler")
    sys.exit(77)
failed = for_c = 0
headers = sorted((ROOT / "include/longtake").glob("*.h"))
for header in headers:
    if "extern \"C\"" not in header.read_text():
        print(f"{header.name} is for C alone")
        for_c += 1
        continue
    r = subprocess.run([compiler, "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-I", ROOT / "include", "-x", "c++", "-"],
                       input=f"#include <longtake/{header.name}>\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode:
        failed += 1
        print(f"FAIL {header.name}\n{r.stdout}")
print(f"{len(headers) - for_c} headers, {failed} failed")
sys.exit(1 if failed or len(headers) == for_c else 0)
