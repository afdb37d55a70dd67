#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/gpu-check and scripts/gpu-bundle on a machine without a GPU: scripts_test.sh SOURCE BUILD.
# The bundle is unpacked elsewhere and, where a mount namespace is to be had, run with source and
# build hidden. Exit 77: there is a GPU, and scripts/gpu-check itself is the test.
set -eu
source=$1
build=$2
unset KWRIGHT_CUDA_DRIVER
if ls /dev/nvidia[0-9]* >/dev/null 2>&1; then
    echo "skipped: a GPU is here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# Runs a gpu-check: it must skip with its reason and write nothing.
must_skip() {
    mkdir -p "$work/out"
    code=0
    "$@" --out "$work/out" >"$work/said" 2>&1 || code=$?
    cat "$work/said"
    [ "$code" = 77 ] || fail "$1 ended with $code, not with 77"
    grep -q '^skipped: no /dev/nvidia' "$work/said" || fail "$1 gives no reason"
    [ -z "$(ls "$work/out")" ] || fail "$1 wrote files and did nothing"
}

must_skip "$source/scripts/gpu-check" --build "$build"

"$source/scripts/gpu-bundle" "$build" "$work/bundle.tar.gz"  # fails above 64 MiB
tar -C "$work" -xzf "$work/bundle.tar.gz"
bundle=$work/kwright-gpu
must_skip "$bundle/scripts/gpu-check"

# Nothing of the machine it was built on but the C library.
for program in "$bundle"/build/bin/*; do
    name=$(basename "$program")
    if LD_LIBRARY_PATH=$bundle/lib ldd "$program" | grep 'not found'; then
        fail "$name lacks a library"
    fi
    # Those start in an environment of their own, which knows of no folder.
    case $name in
        kw-gpu | kw-nvrtc | kw-emu | kw-probe)
            ldd "$program" | grep -E 'stdc\+\+|libgcc' && fail "$name needs the C++ library" || true ;;
    esac
done

if [ -e "$bundle/lib/bwrap" ]; then
    ldd "$bundle/lib/bwrap.program" | awk '$2 == "=>" { print $1 }' | while read -r library; do
        case $library in libc.so.*) continue ;; esac
        [ -e "$bundle/lib/$library" ] || fail "$library of bwrap is not in the bundle"
    done
    env -i "$bundle/lib/bwrap" --version >/dev/null || fail "bwrap does not start in an empty environment"
fi

hidden="$bundle/build/bin/kwright version && $bundle/build/bin/kwright task list"
if unshare -rm true 2>/dev/null; then
    case $work in
        "$source"* | "$build"*) ;;
        *) hidden="mount -t tmpfs none '$build' && mount -t tmpfs none '$source' && $hidden" ;;
    esac
    set -- unshare -rm
else
    set -- env
fi
"$@" sh -ec "export LD_LIBRARY_PATH='$bundle/lib' HOME='$work'; cd '$work'; $hidden" >"$work/said" 2>&1 ||
    { cat "$work/said"; fail "the bundle does not run by itself"; }
grep -q w4a16_gemv "$work/said" || fail "the bundle has no tasks"
echo good
