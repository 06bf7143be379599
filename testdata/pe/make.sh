#!/bin/sh
# Makes the PE files beside this script, on any machine.
#
# Needs Python with the PyPI package ziglang 0.17.1, a C compiler for every target, and rust-lld, the linker that
# comes with Rust (1.95 made these), as Microsoft's `link`:
#     python -m venv v && v/bin/pip install ziglang==0.17.1 && PATH=v/bin:$PATH ./make.sh
# What the files are for is in README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

host=$(rustc -vV | sed -n 's/^host: //p')
lld="$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld"

cat > needed.c <<'C'
int needed(int x) { return x + 1; }
int by_number(void) { return 2; }
C
# One export by name, one by number only, one that is another library's.
cat > needed.def <<'DEF'
LIBRARY needed.dll
EXPORTS
    needed @1
    by_number @7 NONAME
    passed_on = kernel32.GetTickCount
DEF
cat > late.c <<'C'
int late(void) { return 3; }
C
cat > kernel32.def <<'DEF'
LIBRARY kernel32.dll
EXPORTS
    GetTickCount
DEF
cat > late.def <<'DEF'
LIBRARY late.dll
EXPORTS
    late
DEF
cat > module.c <<'C'
__declspec(dllimport) int needed(int);
__declspec(dllimport) int by_number(void);
__declspec(dllimport) int late(void);
/* The linker asks for it; nobody calls it here. */
#ifdef __i386__
__attribute__((stdcall))
#endif
void *__delayLoadHelper2(const void *descriptor, void *address) { return address; }
int PyInit_module(void) { return needed(1) + by_number() + late(); }
C
cat > module.rc <<'RC'
1 VERSIONINFO
FILEVERSION 14,44,35211,9
PRODUCTVERSION 1,2,3,4
BEGIN
END
RC
python -m ziglang rc /fo module.res module.rc

build() {
    cpu=$1 target=$2
    compile="python -m ziglang cc -target $target -O1 -g0 -fno-stack-check -c"
    link="$lld -flavor link -machine:$cpu -dll -noentry -nodefaultlib -Brepro -subsystem:windows,6.1"
    for name in needed module; do $compile -o $name.obj $name.c; done

    $lld -flavor link -lib -machine:$cpu -def:kernel32.def -out:kernel32.lib
    $lld -flavor link -lib -machine:$cpu -def:late.def -out:late.lib
    $link -def:needed.def -out:needed.dll -implib:needed.lib needed.obj kernel32.lib
    $link -export:PyInit_module -delayload:late.dll -out:module.pyd module.obj module.res \
        needed.lib late.lib
    cp needed.dll "$here/needed.$cpu.dll"
    cp needed.lib "$here/needed.$cpu.lib"
    cp module.pyd "$here/module.$cpu.pyd"
}

build x86 x86-windows-gnu
build arm64 aarch64-windows-gnu
build x64 x86_64-windows-gnu

# COFF symbols behind the sections, as MinGW leaves them without -s. The objects are those of x64.
$link -lldmingw -debug:dwarf,symtab -export:PyInit_module -delayload:late.dll \
    -out:"$here/module.mingw.pyd" module.obj module.res needed.lib late.lib
