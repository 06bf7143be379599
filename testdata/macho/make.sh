#!/bin/sh
# Makes the Mach-O files beside this script, on any machine.
#
# Needs Python with the PyPI package ziglang 0.17.1, a C compiler for every target, and rust-lld, the linker that
# comes with Rust (1.95 made these), as Apple's `ld`:
#     python -m venv v && v/bin/pip install ziglang==0.17.1 && PATH=v/bin:$PATH ./make.sh
# What the files are for is in README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

host=$(rustc -vV | sed -n 's/^host: //p')
ld="$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld -flavor darwin"

# What a linker has to know of the system's library.
cat > libSystem.tbd <<'TBD'
--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '/usr/lib/libSystem.B.dylib'
current-version: 1351
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ dyld_stub_binder, _getpid ]
...
TBD

cat > needed.c <<'C'
int needed_value = 7;
int needed(int x) { return x + needed_value; }
int needed_other(void) { return 1; }
__attribute__((visibility("hidden"))) int not_exported(void) { return 2; }
C
cat > optional.c <<'C'
int optional(void) { return 3; }
C
cat > passed.c <<'C'
extern int getpid(void);
int passed(void) { return getpid(); }
C
cat > module.c <<'C'
extern int needed(int);
extern int optional(void) __attribute__((weak_import));
extern void *PyModule_Create2(void *, int);
static int counter;
void *PyInit_module(void) {
    counter += needed(1);
    if (optional) counter += optional();
    return PyModule_Create2(0, counter);
}
C

build() {
    cpu=$1 target=$2 minimum=$3 sign=$4
    compile="python -m ziglang cc -target $target -O1 -g0 -fno-stack-check -c"
    link="$ld -arch $cpu -platform_version macos $minimum 14.4 -L. -lSystem"
    for name in needed optional passed module; do $compile -o $name.o $name.c; done

    $link -dylib -install_name @rpath/libneeded.1.dylib -current_version 1.2.3 \
        -compatibility_version 1.1.0 -o libneeded.dylib needed.o
    $link -dylib -install_name /opt/demo/lib/liboptional.dylib -o liboptional.dylib optional.o
    # The form of the command before the year 2018, and an export trie in LC_DYLD_INFO.
    $ld -arch $cpu -platform_version macos 10.9 10.9 -L. -lSystem -dylib -no_fixup_chains \
        -install_name @rpath/libpassed.dylib -reexport_library libneeded.dylib \
        -o libpassed.dylib passed.o
    $link -bundle -undefined dynamic_lookup -headerpad 0x200 -o module.so module.o \
        -lneeded -weak-loptional -rpath @loader_path/../lib -rpath /opt/demo/lib
    # No room behind the load commands, and signed where the linker would not, not where it would.
    $link -bundle -undefined dynamic_lookup -headerpad 0 $sign -o tight.so module.o \
        -lneeded -weak-loptional -rpath /opt/demo/lib
    cp libneeded.dylib "$here/libneeded.$cpu.dylib"
    cp libpassed.dylib "$here/libpassed.$cpu.dylib"
    cp module.so "$here/module.$cpu.so"
    cp tight.so "$here/tight.$cpu.so"
}

build x86_64 x86_64-macos.13.0 10.13 -adhoc_codesign
build arm64 aarch64-macos.14.0 14.2 -no_adhoc_codesign
