#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes NAME.ptx beside each NAME.cu with the command in its second line, without debug sections and absolute paths.
set -eu
cd "$(dirname "$0")"
PATH="${CUDA_HOME:-/usr/local/cuda}/bin:$PATH"
[ $# -gt 0 ] || set -- *.cu
for source in "$@"; do
    name="${source%.cu}"
    command="$(sed -n '2s,^// ,,p' "$source")"
    echo "$command -o $name.ptx"
    $command -o "$name.ptx"
    sed -i -e '/^[[:space:]]*\.section/,/^[[:space:]]*}/d' -e '/^$/d' \
        -e 's,^\([[:space:]]*\.file[[:space:]]*[0-9]*[[:space:]]*"\).*/,\1,' "$name.ptx"
done
