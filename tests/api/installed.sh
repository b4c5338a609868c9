#!/usr/bin/env bash
# tests/api/installed.sh CMAKE BUILD SOURCE CC -- installs BUILD into a prefix, then compiles, links and runs user.c from
# another folder with nothing but pkg-config.
set -eu
cmake=$1 build=$2 source=$3 cc=$4
prefix=$build/tests/api/prefix
rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >"$build/tests/api/install.log" 2>&1 || {
    cat "$build/tests/api/install.log"
    exit 1
}
for file in bin/longtake include/longtake/status.h share/longtake/launch/mpirun.sh \
    share/longtake/cluster/slurm/array.sbatch share/longtake/configs/flow.yaml share/man/man1/longtake.1; do
    [ -e "$prefix/$file" ] || { echo "$file was not installed"; exit 1; }
done

pc=$(find "$prefix" -name longtake.pc)
export PKG_CONFIG_PATH=${pc%/*}${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# The prefix of the file is that of the configuration; this is another one.
flags=(--define-variable=prefix="$prefix" longtake)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$source/user.c" "$work"
cd "$work"
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags "${flags[@]}") user.c -o user $(pkg-config --libs "${flags[@]}")
./user
"$prefix/bin/longtake" version
