#!/bin/sh
# Makes the ELF files of this directory. Needs gcc with GNU ld on x86_64 and glibc 2.34 or later, and
# `zig` (PyPI: ziglang) for Android. The tests use the
# committed files and never run this.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/module.c" <<'END'
extern void *PyModule_Create2(void *definition, int version);
extern double cos(double);
double turned(double x) { return cos(x); }
void *PyInit__ext(void) { return PyModule_Create2(0, 1013); }
END
cat > "$work/uses_demo.c" <<'END'
extern double answer(double);
extern int next_count(void);
double asked(double x) { return answer(x); }
int counted(void) { return next_count(); }
void *PyInit__ext(void) { return 0; }
END
cat > "$work/newer.c" <<'END'
extern void *dlsym(void *, const char *);
extern int pthread_create(void *, const void *, void *(*)(void *), void *);
void *looked_up(const char *name) { return dlsym(0, name); }
int started(void *thread) { return pthread_create(thread, 0, 0, 0); }
void *PyInit__ext(void) { return 0; }
END
cat > "$work/fpectl.c" <<'END'
extern char PyFPE_jbuf[];
void *PyInit__ext(void) { return PyFPE_jbuf; }
END
cat > "$work/ucs2.c" <<'END'
extern void *PyUnicodeUCS2_FromString(const char *);
void *turned(const char *text) { return PyUnicodeUCS2_FromString(text); }
void *PyInit__ext(void) { return 0; }
END
echo 'int from_the_future(void) { return 1; }' > "$work/cxx.c"
echo 'GLIBCXX_3.4.99 { global: from_the_future; };' > "$work/cxx.versions"
cat > "$work/uses_cxx.c" <<'END'
extern int from_the_future(void);
int far(void) { return from_the_future(); }
void *PyInit__ext(void) { return 0; }
END
cat > "$work/alone.c" <<'END'
extern void *PyModule_Create2(void *definition, int version);
extern double cos(double);
extern int deflate(void *stream, int flush);
extern void *malloc(unsigned long size);
void *PyInit__ext(void) { return deflate(malloc(1), (int)cos(0)) ? 0 : PyModule_Create2(0, 1013); }
END
cc="gcc -O1 -shared -fPIC -s -Wl,-z,noseparate-code"
$cc "$work/module.c" -lm -o module.so
$cc "$work/uses_demo.c" ../elf/gnu-ld.so -Wl,--allow-shlib-undefined -o uses-demo.so
$cc "$work/newer.c" -o needs-glibc-2.34.so
$cc "$work/module.c" -lm -Wl,-z,x86-64-v3 -o needs-x86-64-v3.so
$cc "$work/fpectl.c" -o needs-fpectl.so
$cc "$work/ucs2.c" -o needs-ucs2.so
$cc "$work/cxx.c" -Wl,-soname,libstdc++.so.6 -Wl,--version-script="$work/cxx.versions" -o newer-libstdc++.so
$cc -fno-builtin -nostdlib "$work/alone.c" -o needs-nothing.so
$cc "$work/uses_cxx.c" newer-libstdc++.so -o uses-newer-libstdc++.so
zig=${ZIG:-"python3 -m ziglang"}
# As Android's NDK makes them: libraries of the system that give each symbol a version, and a note of the API level. The
# system's libraries are made here, with nothing but names in them.
cat > "$work/system.c" <<'END'
void *malloc(unsigned long n) { return (void *)n; }
double cos(double x) { return x; }
double sqrt(double x) { return x; }
END
cat > "$work/note.s" <<'END'
.section .note.android.ident,"a",%note
.balign 4
.4byte 8, 4, 1
.asciz "Android"
.4byte 24
END
cat > "$work/android.c" <<'END'
double cos(double), sqrt(double);
void *malloc(unsigned long);
double answer(double x) { return cos(x) + sqrt(x); }
void *grow(unsigned long n) { return malloc(n); }
END
echo 'LIBC { global: *; };' > "$work/bionic"
android="$zig cc -target aarch64-linux-android -O1 -shared -fPIC -nostdlib"
for name in libc libm libdl; do
    $android "$work/system.c" -Wl,-soname,$name.so -Wl,--version-script="$work/bionic" -o "$work/$name.so"
done
$android "$work/android.c" "$work/note.s" -s -Wl,-soname,libdemo.so.1 -Wl,--no-as-needed "$work/libm.so" "$work/libdl.so" "$work/libc.so" \
    -o android.so
# Needs a glibc that is newer than every listed policy: a version of a libc that is made here, and nothing else of it.
echo 'GLIBC_2.43 { global: from_the_future; };' > "$work/future"
echo 'void from_the_future(void) {}' > "$work/future.c"
echo 'void from_the_future(void); void *PyInit__ext(void) { from_the_future(); return 0; }' > "$work/uses_future.c"
gcc -shared -fPIC -nostdlib "$work/future.c" -Wl,-soname,libc.so.6 -Wl,--version-script="$work/future" -o "$work/libc.so.6"
gcc -O1 -shared -fPIC -s -nostdlib "$work/uses_future.c" "$work/libc.so.6" -Wl,-z,noseparate-code -o needs-glibc-2.43.so
chmod 644 ./*.so
ls -l
