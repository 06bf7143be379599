#!/bin/sh
# Makes full.x64.dll and full.x86.dll: what GNU ld links, with nothing stripped and no room in the headers; and
# needed.gnu.x64.lib and needed.gnu.x86.lib, which they were linked with.
#
# Needs Debian 12's gcc-mingw-w64-x86-64-posix, gcc-mingw-w64-i686-posix and binutils-mingw-w64 (GCC 12, binutils
# 2.40): ./make-gnu.sh
# What the files are for is in README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > full.c <<'C'
__declspec(dllimport) int needed(int);
int entry(void *module, int reason, void *reserved) { return 1; }
int value(void) { return needed(1); }
/* Sections that make the section table end less than one header before SizeOfHeaders. */
#define OWN(name) __attribute__((section("." #name), used)) void *name = entry;
OWN(own1) OWN(own2)
#ifdef __i386__
OWN(own3) OWN(own4) OWN(own5)
#endif
C
cat > full.def <<'DEF'
LIBRARY full.dll
EXPORTS
    value
    passed_on = needed.needed
DEF
cat > needed.def <<'DEF'
LIBRARY needed.dll
EXPORTS
    needed
DEF

build() {
    cpu=$1 prefix=$2-w64-mingw32- entry=$3
    shift 3
    "${prefix}dlltool" "$@" -d needed.def -l needed.lib
    cp needed.lib "$here/needed.gnu.$cpu.lib"
    "${prefix}gcc" -g -O1 -fdebug-prefix-map="$work"=. -shared -nostdlib -Wl,-e,"$entry" \
        -Wl,--no-insert-timestamp full.c full.def needed.lib -o "$here/full.$cpu.dll"
}

build x64 x86_64 entry
build x86 i686 _entry --kill-at
