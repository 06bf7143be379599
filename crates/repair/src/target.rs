//! The machine and the C library a Linux or Android binary is for, and the libraries that belong to them.
//!
//! A wheel's tag promises one architecture and one C library. Both are read from the binary and never
//! from the machine truewheel runs on: the architecture from the ELF header (gABI, chapter 4, and the
//! psABI of each processor), the C library from `PT_INTERP`, `DT_NEEDED` or the file name's SOABI.
//!
//! Three kinds of library are never vendored, whatever the policy: the loader, because the kernel has
//! chosen it before any of our code runs; libpython, because a second interpreter in the process would
//! have its own objects; and drivers, because they match a kernel module or the rest of one driver
//! installation. This file only knows their names; what to do about them is decided elsewhere.

use std::fmt;
use std::str::FromStr;

/// A CPU architecture, spelled as Linux platform tags spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86, baseline; the tags `x86_64_v2` and up are this architecture with more features.
    X86_64,
    /// 32-bit x86; Android's tag says `x86`.
    I686,
    /// 64-bit Arm, little-endian; Android's tag says `arm64_v8a`.
    Aarch64,
    /// 32-bit Arm of version 7 or later, hard float; Android's `armeabi_v7a`.
    Armv7l,
    /// 32-bit Arm of version 6, hard float: the first Raspberry Pi.
    Armv6l,
    /// 64-bit POWER, little-endian.
    Ppc64le,
    /// 64-bit POWER, big-endian.
    Ppc64,
    /// IBM Z, 64-bit.
    S390x,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit LoongArch.
    Loongarch64,
}

impl Arch {
    /// Every architecture, in the order of the type.
    pub const ALL: [Arch; 10] = [
        Arch::X86_64,
        Arch::I686,
        Arch::Aarch64,
        Arch::Armv7l,
        Arch::Armv6l,
        Arch::Ppc64le,
        Arch::Ppc64,
        Arch::S390x,
        Arch::Riscv64,
        Arch::Loongarch64,
    ];

    /// The name at the end of a Linux platform tag: `x86_64` in `manylinux_2_28_x86_64`.
    pub fn as_str(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::I686 => "i686",
            Arch::Aarch64 => "aarch64",
            Arch::Armv7l => "armv7l",
            Arch::Armv6l => "armv6l",
            Arch::Ppc64le => "ppc64le",
            Arch::Ppc64 => "ppc64",
            Arch::S390x => "s390x",
            Arch::Riscv64 => "riscv64",
            Arch::Loongarch64 => "loongarch64",
        }
    }

    /// True where a pointer has 32 bits; musl 1.2 gave these a 64-bit `time_t`.
    pub fn is_32_bit(self) -> bool {
        matches!(self, Arch::I686 | Arch::Armv7l | Arch::Armv6l)
    }

    /// Whether a file without `PT_GNU_STACK` gets an executable stack from glibc: `DEFAULT_STACK_PERMS`
    /// in its sysdeps; newer ports begin without `PF_X`.
    pub fn has_executable_stack_by_default(self) -> bool {
        match self {
            Arch::X86_64 | Arch::I686 | Arch::Armv7l | Arch::Armv6l | Arch::S390x => true,
            Arch::Aarch64 | Arch::Riscv64 | Arch::Loongarch64 | Arch::Ppc64le | Arch::Ppc64 => {
                false
            }
        }
    }

    /// The largest page the kernels of this architecture use, in bytes.
    ///
    /// A segment that is aligned to less cannot be mapped on such a kernel. The numbers are the
    /// `ELF_MAXPAGESIZE` of GNU ld's back ends, which is what the psABI documents ask for.
    pub fn max_page_size(self) -> u64 {
        match self {
            Arch::X86_64 | Arch::I686 | Arch::S390x | Arch::Riscv64 => 0x1000,
            Arch::Aarch64 | Arch::Armv7l | Arch::Armv6l | Arch::Ppc64le | Arch::Ppc64 => 0x1_0000,
            Arch::Loongarch64 => 0x1_0000,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands where an architecture should: the text that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownArch(pub String);

impl fmt::Display for UnknownArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no architecture that a Linux or Android tag names", self.0)
    }
}

impl std::error::Error for UnknownArch {}

impl FromStr for Arch {
    type Err = UnknownArch;

    /// Reads the end of a platform tag, in Linux's spelling or in Android's (PEP 738).
    fn from_str(text: &str) -> Result<Arch, UnknownArch> {
        match text {
            // The micro-architecture levels of the x86-64 psABI; a tag of its own kind, one machine.
            "x86_64_v2" | "x86_64_v3" | "x86_64_v4" => Ok(Arch::X86_64),
            "x86" => Ok(Arch::I686),
            "arm64_v8a" => Ok(Arch::Aarch64),
            "armeabi_v7a" => Ok(Arch::Armv7l),
            _ => Arch::ALL
                .into_iter()
                .find(|arch| arch.as_str() == text)
                .ok_or_else(|| UnknownArch(text.to_owned())),
        }
    }
}

/// The C library a binary is linked against, and with it the loader that will read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Libc {
    /// The GNU C library: manylinux.
    Glibc,
    /// musl: musllinux.
    Musl,
    /// Android's C library.
    Bionic,
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::Bionic => "Bionic",
        })
    }
}

/// What an ELF header says about the machine it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElfMachine {
    /// `e_machine`.
    pub machine: u16,
    /// `ELFCLASS64` rather than `ELFCLASS32`.
    pub class64: bool,
    /// `ELFDATA2LSB` rather than `ELFDATA2MSB`.
    pub little_endian: bool,
    /// `e_flags`.
    pub flags: u32,
}

const EM_386: u16 = 3;
const EM_PPC64: u16 = 21;
const EM_S390: u16 = 22;
pub(crate) const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;
const EM_RISCV: u16 = 243;
const EM_LOONGARCH: u16 = 258;

/// The part of `e_flags` with the version of the Arm EABI ("ELF for the Arm Architecture").
const EF_ARM_EABIMASK: u32 = 0xff00_0000;
const EF_ARM_EABI_VER5: u32 = 0x0500_0000;
/// Floating-point arguments travel in floating-point registers: `armhf`.
const EF_ARM_ABI_FLOAT_HARD: u32 = 0x0000_0400;
/// They travel in the registers of integers: `armel`, and Android.
const EF_ARM_ABI_FLOAT_SOFT: u32 = 0x0000_0200;

impl ElfMachine {
    /// The architecture, if a tag exists for it; an Arm binary counts as ARMv7.
    pub fn arch(&self) -> Option<Arch> {
        let arm = ArmAttributes::default();
        arch_from_elf(self.machine, self.class64, self.little_endian, self.flags, arm)
    }
}

/// What `.ARM.attributes` says of a file, where it says it (Addenda to the Arm ABI, 3.3.5.2 and 3.3.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArmAttributes {
    /// `Tag_CPU_arch`.
    pub cpu_arch: Option<u8>,
    /// `Tag_ABI_VFP_args`.
    pub vfp_args: Option<u8>,
}

/// Where an Arm file's floating-point arguments travel: one of another kind reads its arguments from
/// registers that nobody has filled. The loader does not look, and everything seems to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatAbi {
    /// In floating-point registers.
    Hard,
    /// In the registers of integers.
    Soft,
}

/// The float ABI of an Arm file; `None` where it has none or nothing says it. The attributes are the
/// compiler's own word; `e_flags` is what the linker made of it, since binutils 2.23.
pub fn arm_float_abi(flags: u32, arm: ArmAttributes) -> Option<FloatAbi> {
    match arm.vfp_args {
        Some(0) => Some(FloatAbi::Soft),
        Some(1) => Some(FloatAbi::Hard),
        Some(3) => None,
        _ if flags & EF_ARM_EABIMASK != EF_ARM_EABI_VER5 => None,
        _ if flags & EF_ARM_ABI_FLOAT_HARD != 0 => Some(FloatAbi::Hard),
        _ if flags & EF_ARM_ABI_FLOAT_SOFT != 0 => Some(FloatAbi::Soft),
        _ => None,
    }
}

/// The architecture of an ELF header, if a tag exists for it.
///
/// `None` is x32, big-endian AArch64, soft-float Arm, MIPS, BPF and all else that no tag names; Arm
/// files of Android are [`android_arch`]'s. The header alone cannot tell ARMv6 from ARMv7, and a file
/// without `Tag_CPU_arch` counts as ARMv7. The linker
/// merges that tag to the highest of its inputs, so code above ARMv7 is often run only where the
/// processor has it; such files are therefore ARMv7 too.
pub fn arch_from_elf(
    machine: u16,
    class64: bool,
    little_endian: bool,
    flags: u32,
    arm: ArmAttributes,
) -> Option<Arch> {
    match (machine, class64, little_endian) {
        (EM_386, false, true) => Some(Arch::I686),
        (EM_X86_64, true, true) => Some(Arch::X86_64),
        (EM_AARCH64, true, true) => Some(Arch::Aarch64),
        (EM_PPC64, true, true) => Some(Arch::Ppc64le),
        (EM_PPC64, true, false) => Some(Arch::Ppc64),
        (EM_S390, true, false) => Some(Arch::S390x),
        (EM_RISCV, true, true) => Some(Arch::Riscv64),
        (EM_LOONGARCH, true, true) => Some(Arch::Loongarch64),
        (EM_ARM, false, true) if is_arm_hard_float(flags, arm) => arm_arch(arm.cpu_arch),
        _ => None,
    }
}

fn is_arm_hard_float(flags: u32, arm: ArmAttributes) -> bool {
    let is_either = arm.vfp_args == Some(3);
    flags & EF_ARM_EABIMASK == EF_ARM_EABI_VER5
        && (is_either || arm_float_abi(flags, arm) == Some(FloatAbi::Hard))
}

/// The architecture of a 32-bit Arm file of Android, whose ABI is ARMv7 with arguments in integer
/// registers ("Android ABIs", armeabi-v7a).
pub fn android_arch(machine: u16, arm: ArmAttributes) -> Option<Arch> {
    let arch = (machine == EM_ARM).then(|| arm_arch(arm.cpu_arch)).flatten();
    arch.filter(|arch| *arch == Arch::Armv7l)
}

/// `Tag_CPU_arch` to architecture; the micro-controllers (`-M`) and real-time cores (`-R`) run no Linux.
fn arm_arch(cpu_arch: Option<u8>) -> Option<Arch> {
    match cpu_arch {
        None => Some(Arch::Armv7l),
        // 0 is before v4, 9 is v6K: all of it runs on an ARMv6.
        Some(0..=9) => Some(Arch::Armv6l),
        // 10 is v7, 14 v8-A, 18 to 20 v8.1-A to v8.3-A, 22 v9-A.
        Some(10 | 14 | 18..=20 | 22) => Some(Arch::Armv7l),
        Some(_) => None,
    }
}

/// The C library that a binary's interpreter, needed names or file name show; `None` if they do not.
///
/// The first of these that speaks decides: `PT_INTERP`; the C library's own names in `DT_NEEDED`
/// (names of two C libraries contradict each other and decide nothing); the SOABI in the file name.
/// `libc.so` alone says nothing, since it is both Bionic's name and that of musl built by hand.
pub fn libc_of(interpreter: Option<&str>, needed: &[&str], file_name: &str) -> Option<Libc> {
    if let Some(interpreter) = interpreter {
        return libc_of_interpreter(interpreter);
    }
    let mut found: Vec<Libc> = needed.iter().filter_map(|name| libc_of_needed(name)).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => libc_of_file_name(file_name),
        [one] => Some(*one),
        _ => None,
    }
}

fn libc_of_interpreter(interpreter: &str) -> Option<Libc> {
    let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
    if name.starts_with("ld-musl-") {
        return Some(Libc::Musl);
    }
    if matches!(name, "linker" | "linker64" | "linker_asan" | "linker_asan64") {
        return Some(Libc::Bionic);
    }
    is_glibc_loader(name).then_some(Libc::Glibc)
}

fn libc_of_needed(name: &str) -> Option<Libc> {
    if name.starts_with("libc.musl-") || name.starts_with("ld-musl-") {
        return Some(Libc::Musl);
    }
    if name == "libc.so.6" || is_glibc_loader(name) {
        return Some(Libc::Glibc);
    }
    // musl keeps all of these inside `libc.so`; only the NDK links them by an unversioned name.
    matches!(name, "libdl.so" | "libm.so" | "liblog.so" | "libandroid.so").then_some(Libc::Bionic)
}

/// The SOABI says `gnu` for musl too before CPython 3.11 (gh-87278), and on PyPy always.
fn libc_of_file_name(file_name: &str) -> Option<Libc> {
    let name = file_name.rsplit('/').next().unwrap_or(file_name);
    let stem = name.strip_suffix(".so")?;
    if stem.ends_with("-linux-musl") || stem.ends_with("-linux-musleabihf") {
        return Some(Libc::Musl);
    }
    if stem.ends_with("-linux-android") || stem.ends_with("-linux-androideabi") {
        return Some(Libc::Bionic);
    }
    let is_gnu = stem.ends_with("-linux-gnu") || stem.ends_with("-linux-gnueabihf");
    (is_gnu && cpython_minor(stem)? >= 11).then_some(Libc::Glibc)
}

/// 12 of `demo.cpython-312-x86_64-linux-gnu`.
fn cpython_minor(stem: &str) -> Option<u32> {
    let (_, soabi) = stem.rsplit_once(".cpython-3")?;
    let end = soabi.find(|c: char| !c.is_ascii_digit()).unwrap_or(soabi.len());
    soabi.get(..end)?.parse().ok()
}

/// True for the dynamic loader itself, of any C library: `ld-linux-x86-64.so.2`, `ld64.so.2`,
/// `ld-musl-aarch64.so.1`, `ld-android.so`.
///
/// The kernel has mapped the loader before anything in a wheel is read, so a copy is never used for it
/// and would only bring a second, uninitialised set of its variables.
pub fn is_loader(soname: &str) -> bool {
    let is_musl = soname
        .strip_prefix("ld-musl-")
        .and_then(|rest| rest.strip_suffix(".so.1"))
        .is_some_and(|arch| !arch.is_empty());
    is_musl || soname == "ld-android.so" || is_glibc_loader(soname)
}

/// glibc's names: `shlib-versions` of its source, one line for each port. `ld-linux` with anything
/// between it and `.so.`; `ld64.so.1` on IBM Z and big-endian POWER, `ld64.so.2` on ELFv2 POWER;
/// `ld.so.1` on 32-bit MIPS and POWER; `ld-lsb*` as the Linux Standard Base had it.
fn is_glibc_loader(name: &str) -> bool {
    if matches!(name, "ld.so.1" | "ld64.so.1" | "ld64.so.2") {
        return true;
    }
    let Some(rest) = name.strip_prefix("ld-linux").or_else(|| name.strip_prefix("ld-lsb")) else {
        return false;
    };
    let Some((arch, version)) = rest.rsplit_once(".so.") else { return false };
    (arch.is_empty() || arch.starts_with('-')) && is_digits(version)
}

/// True for the interpreter as a library: `libpython3.13t.so.1.0`, `libpython3.so`, `libpypy3.10-c.so`.
///
/// The name must be one that CPython's or PyPy's own build gives: a version, the flags of PEP 3149 and
/// their successors (`d` debug, `m` pymalloc, `u` wide Unicode, `t` free-threaded; Debian's old `_d`),
/// `.so`, and version numbers after it. `libpython_helper.so` is somebody's own library.
pub fn is_libpython(name: &str) -> bool {
    let Some((stem, version)) = name.split_once(".so") else { return false };
    if !is_version_suffix(version) {
        return false;
    }
    if let Some(rest) = stem.strip_prefix("libpypy") {
        return rest
            .strip_suffix("-c")
            .is_some_and(|version| version.is_empty() || is_python_version(version));
    }
    let Some(rest) = stem.strip_prefix("libpython") else { return false };
    let rest = rest.strip_suffix("_d").unwrap_or(rest);
    is_python_version(rest.trim_end_matches(['d', 'm', 'u', 't']))
}

/// `3`, `3.12`: one or two numbers.
fn is_python_version(text: &str) -> bool {
    match text.split_once('.') {
        None => is_digits(text),
        Some((major, minor)) => is_digits(major) && is_digits(minor),
    }
}

/// Empty, or numbers that each have a dot before them: `.1.0`.
fn is_version_suffix(text: &str) -> bool {
    text.is_empty() || text.strip_prefix('.').is_some_and(|rest| rest.split('.').all(is_digits))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

mod c_library;
mod driver;
pub use c_library::is_c_library;
pub use driver::is_driver;

#[cfg(test)]
mod tests;
