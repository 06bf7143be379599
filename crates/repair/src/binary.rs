//! What a loader would see in one file, taken out of its bytes once.
//!
//! The format crates lend from the bytes; the engine keeps only these owned facts, so that a wheel
//! of gigabytes is scanned without holding it. Strings stay as the file spells them.

mod macho;
mod pe;

use std::collections::BTreeMap;

use truewheel_elf::{Binding, Class, Edits, Elf, Endian, ExecutableStack, Strip, Strippable};

use crate::target::{self, Arch, ArmAttributes, FloatAbi, Libc};

pub(crate) use macho::{
    Load, MH_BUNDLE, MH_DYLIB, MH_EXECUTE, MachFile, MachSlice, PLATFORM_MACOS, platform_name,
};
pub(crate) use pe::{PeFile, PeSymbol};

/// Which loader a file is for, by its magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// Linux and Android.
    Elf,
    /// macOS and iOS.
    MachO,
    /// Windows.
    Pe,
}

impl Format {
    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::MachO => "Mach-O",
            Self::Pe => "PE",
        }
    }

    /// The format whose magic number `bytes` begin with.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if truewheel_elf::is_elf(bytes) {
            Some(Self::Elf)
        } else if truewheel_macho::is_macho(bytes) {
            Some(Self::MachO)
        } else if truewheel_pe::is_pe(bytes) {
            Some(Self::Pe)
        } else {
            None
        }
    }
}

/// One file that some loader understands.
#[derive(Clone, Debug)]
pub(crate) enum Binary {
    /// Linux and Android.
    Elf(Box<ElfFile>),
    /// macOS and iOS.
    MachO(Box<MachFile>),
    /// Windows.
    Pe(Box<PeFile>),
    /// A binary by its magic number that its reader refuses, with the reason.
    Unreadable(Format, Fault),
}

/// What a format crate says of a file that it refuses.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Of an ELF file.
    Elf(truewheel_elf::Error),
    /// Of any other, in words.
    Other(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Elf(error) => error.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Binary {
    /// The facts of a file that begins like a binary; `None` for all other files. `file_name` as for
    /// [`ElfFile::read`].
    pub(crate) fn read(bytes: &[u8], file_name: &str) -> Option<Self> {
        let format = Format::of(bytes)?;
        let read = match format {
            Format::Elf => ElfFile::read(bytes, file_name)
                .map(|file| Self::Elf(Box::new(file)))
                .map_err(Fault::Elf),
            Format::MachO => MachFile::read(bytes)
                .map(|file| Self::MachO(Box::new(file)))
                .map_err(|error| Fault::Other(error.to_string())),
            Format::Pe => PeFile::read(bytes)
                .map(|file| Self::Pe(Box::new(file)))
                .map_err(|error| Fault::Other(error.to_string())),
        };
        Some(read.unwrap_or_else(|fault| Self::Unreadable(format, fault)))
    }
}

/// The machine an ELF file is for, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `e_machine`.
    pub e_machine: u16,
    /// `ELFCLASS64`.
    pub is_64: bool,
    /// `ELFDATA2LSB`.
    pub is_little_endian: bool,
    /// `e_flags`.
    pub e_flags: u32,
    /// The name that platform tags use, where there is one.
    pub arch: Option<Arch>,
    /// What the attributes of an Arm file say: ARMv6 or ARMv7, and its float ABI.
    pub arm: ArmAttributes,
}

impl Machine {
    /// Whether a library of machine `other` works in a process of this one. ld.so asks for all of it
    /// but the float ABI, which decides whether calls have their arguments.
    pub(crate) fn loads(&self, other: &Self) -> bool {
        let is_callable = match (self.float_abi(), other.float_abi()) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        self.e_machine == other.e_machine
            && self.is_64 == other.is_64
            && self.is_little_endian == other.is_little_endian
            && is_callable
    }

    /// Where floating-point arguments travel, of Arm files that say it.
    fn float_abi(&self) -> Option<FloatAbi> {
        let is_arm = self.e_machine == target::EM_ARM;
        is_arm.then(|| target::arm_float_abi(self.e_flags, self.arm)).flatten()
    }

    /// For messages, such as `aarch64` or `e_machine 0xf7, 64-bit, little-endian`.
    pub(crate) fn describe(&self) -> String {
        match self.arch {
            Some(arch) => arch.as_str().to_owned(),
            None if self.float_abi() == Some(FloatAbi::Soft) => {
                "32-bit Arm with arguments for soft float".to_owned()
            }
            None => format!(
                "e_machine {:#x}, {}-bit, {}-endian",
                self.e_machine,
                if self.is_64 { 64 } else { 32 },
                if self.is_little_endian { "little" } else { "big" }
            ),
        }
    }
}

/// A symbol that a file uses and does not define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UndefinedSymbol {
    /// Its name.
    pub name: String,
    /// The version asked for and the file that should have it, from `.gnu.version_r`.
    pub version: Option<(String, String)>,
    /// `STB_WEAK`: may stay undefined.
    pub is_weak: bool,
}

/// The facts of one ELF file.
#[derive(Clone, Debug)]
pub(crate) struct ElfFile {
    /// What it runs on.
    pub machine: Machine,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// The C library it was built for, where anything tells.
    pub libc: Option<Libc>,
    /// Has a dynamic section, so a loader looks at it.
    pub is_dynamic: bool,
    /// `PT_INTERP`: it is a program.
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// `DT_RPATH`, unsplit.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`, unsplit.
    pub runpath: Option<String>,
    /// `DF_1_NODEFLIB`: default directories are not searched for it.
    pub no_default_libraries: bool,
    /// Has `DT_RELR`: musl reads it from 1.2.4 on.
    pub has_relr: bool,
    /// `.gnu.version_r`: file → versions wanted of it; the flag is `VER_FLG_WEAK`.
    pub version_needs: BTreeMap<String, BTreeMap<String, bool>>,
    /// What it uses and does not define.
    pub undefined: Vec<UndefinedSymbol>,
    /// `PyInit_*` or another entry point of a Python extension module is defined here.
    pub is_extension: bool,
    /// The stack marking.
    pub executable_stack: ExecutableStack,
    /// What stripping debug information would do, and stripping symbols as well.
    pub strippable: (Strippable, Strippable),
    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`.
    pub x86_isa_needed: u32,
    /// The build ID, in hexadecimal.
    pub build_id: Option<String>,
}

impl ElfFile {
    /// Reads everything the engine asks of an ELF file. `file_name` helps to tell the C library
    /// of an extension module (PEP 3149 suffixes).
    pub(crate) fn read(bytes: &[u8], file_name: &str) -> Result<Self, truewheel_elf::Error> {
        let elf = Elf::parse(bytes)?;
        let flags = elf.dynamic_flags()?;
        let symbols = Symbols::of(&elf, file_name)?;
        let interpreter = elf.interpreter()?.map(str::to_owned);
        let needed: Vec<String> = elf.needed()?.into_iter().map(str::to_owned).collect();
        let needed_names: Vec<&str> = needed.iter().map(String::as_str).collect();
        let version_needs = version_needs(&elf)?;
        let libc = match target::libc_of(interpreter.as_deref(), &needed_names, file_name) {
            None if elf.is_android()? => Some(Libc::Bionic),
            None => libc_of_versions(&needed, &version_needs),
            told => told,
        };
        Ok(Self {
            machine: machine(&elf, libc),
            os_abi: elf.os_abi(),
            libc,
            is_dynamic: elf.is_dynamic(),
            interpreter,
            soname: elf.soname()?.map(str::to_owned),
            needed,
            rpath: elf.rpath()?.map(str::to_owned),
            runpath: elf.runpath()?.map(str::to_owned),
            no_default_libraries: flags.nodeflib,
            has_relr: flags.relr,
            version_needs,
            undefined: symbols.undefined,
            is_extension: symbols.is_extension,
            executable_stack: elf.executable_stack(),
            strippable: (
                truewheel_elf::strippable(bytes, Strip::Debug)?,
                truewheel_elf::strippable(bytes, Strip::All)?,
            ),
            x86_isa_needed: elf.x86_isa_needed()?,
            build_id: elf.build_id()?.map(hexadecimal),
        })
    }

    /// What stripping would do to the file.
    pub(crate) fn strippable(&self, level: Strip) -> Strippable {
        match level {
            Strip::Debug => self.strippable.0,
            Strip::All => self.strippable.1,
        }
    }

    /// Whether the loader of `libc` makes the stack executable for the file. One that does not say
    /// gets what its machine had before `PT_GNU_STACK`; musl and Bionic never ask.
    pub(crate) fn asks_for_executable_stack(&self, libc: Option<Libc>) -> bool {
        match self.executable_stack {
            ExecutableStack::Yes => true,
            ExecutableStack::No => false,
            ExecutableStack::Unmarked => {
                let default = self.machine.arch.is_some_and(Arch::has_executable_stack_by_default);
                self.is_dynamic && libc == Some(Libc::Glibc) && default
            }
        }
    }

    /// Whether a program of its own: it has an interpreter and is no library.
    pub(crate) fn is_program(&self) -> bool {
        self.interpreter.is_some() && self.soname.is_none()
    }
}

struct Symbols {
    undefined: Vec<UndefinedSymbol>,
    is_extension: bool,
}

impl Symbols {
    fn of(elf: &Elf<'_>, file_name: &str) -> Result<Self, truewheel_elf::Error> {
        let mut symbols = Self { undefined: Vec::new(), is_extension: false };
        if !elf.is_dynamic() {
            return Ok(symbols);
        }
        let module = file_name.split('.').next().unwrap_or_default();
        for symbol in elf.symbols()? {
            if symbol.name.is_empty() || symbol.binding == Binding::Local {
                continue;
            }
            if symbol.defined {
                symbols.is_extension |= is_module_entry(symbol.name, module);
                continue;
            }
            let version = symbol.version.as_ref().and_then(|version| {
                version.file.map(|file| (version.name.to_owned(), file.to_owned()))
            });
            symbols.undefined.push(UndefinedSymbol {
                name: symbol.name.to_owned(),
                version,
                is_weak: symbol.binding == Binding::Weak,
            });
        }
        Ok(symbols)
    }
}

/// Whose `libc.so` is needed: Bionic's, whose symbols all have a version (`LIBC`, `LIBC_N` …), or
/// musl's, whose symbols have none. A file that asks glibc's versions of anything is neither's.
fn libc_of_versions(
    needed: &[String],
    version_needs: &BTreeMap<String, BTreeMap<String, bool>>,
) -> Option<Libc> {
    if !needed.iter().any(|name| name == "libc.so") {
        return None;
    }
    let has = |prefix: &str| {
        version_needs.values().flat_map(BTreeMap::keys).any(|version| version.starts_with(prefix))
    };
    match version_needs.contains_key("libc.so") {
        _ if has("GLIBC_") => None,
        true => has("LIBC").then_some(Libc::Bionic),
        false => Some(Libc::Musl),
    }
}

/// CPython looks for `PyInit_<module>`, or `PyInitU_<punycode>` for a non-ASCII name (PEP 489);
/// Python 2 for `init<module>`; cffi's PyPy modules define `_cffi_pypyinit_<module>`.
fn is_module_entry(symbol: &str, module: &str) -> bool {
    symbol.starts_with("PyInit_")
        || symbol.starts_with("PyInitU_")
        || symbol.starts_with("_cffi_pypyinit_")
        || symbol.strip_prefix("init").is_some_and(|rest| !rest.is_empty() && rest == module)
}

fn machine(elf: &Elf<'_>, libc: Option<Libc>) -> Machine {
    let is_64 = elf.class() == Class::Elf64;
    let is_little_endian = elf.endian() == Endian::Little;
    let (e_machine, e_flags) = (elf.machine(), elf.flags());
    let arm = ArmAttributes { cpu_arch: elf.arm_cpu_arch(), vfp_args: elf.arm_vfp_args() };
    let arch = target::arch_from_elf(e_machine, is_64, is_little_endian, e_flags, arm);
    let arch = match libc {
        Some(Libc::Bionic) => arch.or_else(|| target::android_arch(e_machine, arm)),
        _ => arch,
    };
    Machine { e_machine, is_64, is_little_endian, e_flags, arch, arm }
}

fn version_needs(
    elf: &Elf<'_>,
) -> Result<BTreeMap<String, BTreeMap<String, bool>>, truewheel_elf::Error> {
    let mut needs: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    for need in elf.version_needs()? {
        let versions = needs.entry(need.file.to_owned()).or_default();
        for version in need.versions {
            let weak = versions.entry(version.name.to_owned()).or_insert(true);
            *weak &= version.weak;
        }
    }
    Ok(needs)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `edits` would change anything.
pub(crate) fn is_nothing(edits: &Edits) -> bool {
    *edits == Edits::default()
}
