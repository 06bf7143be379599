//! Every rule of `check`, with its code, its usual severity and where it comes from.
//!
//! A code is a promise: scripts and `--ignore` name it, so it never changes its meaning. The table
//! is also the documentation that `truewheel check --list` prints.

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The wheel breaks a rule or a promise: the check fails.
    Error,
    /// It works on most systems, or nothing can be proved: the check fails with `--strict`.
    Warning,
    /// Worth knowing; never fails.
    Note,
}

impl Severity {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that `check` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its stable name.
    pub code: &'static str,
    /// The usual severity.
    pub severity: Severity,
    /// What is wrong when it is found.
    pub what: &'static str,
    /// The standard, manual or issue that the rule comes from.
    pub source: &'static str,
    /// Every other severity that it is found with.
    pub also: &'static [Exception],
}

/// Where a finding weighs more or less than its rule does usually.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// What it weighs there.
    pub severity: Severity,
    /// Where that is.
    pub when: &'static str,
}

impl Rule {
    /// Whether the list says that a finding of this rule may weigh so.
    pub fn may_weigh(&self, severity: Severity) -> bool {
        severity == self.severity || self.also.iter().any(|also| also.severity == severity)
    }
}

macro_rules! rules {
    ($(
        $name:ident $code:literal $severity:ident $what:literal $source:literal
        $([$other:ident $when:literal])*
    )*) => {
        $(
            pub(crate) const $name: Rule = Rule {
                code: $code,
                severity: Severity::$severity,
                what: $what,
                source: $source,
                also: &[$(Exception { severity: Severity::$other, when: $when }),*],
            };
        )*

        /// Every rule, in the order in which findings are listed.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    UNREADABLE "unreadable" Error
        "the operating system refuses the file, so nothing of it was looked at"
        "a file that was asked about is never passed over"
    ARCHIVE "archive" Error
        "the archive or a member cannot be read, or zip readers would not agree about it"
        "APPNOTE.TXT; PyPA, Binary distribution format"
    FILE_NAME "file-name" Error
        "the file name is not that of a wheel"
        "PyPA, Binary distribution format, File name convention"
    DIST_INFO "dist-info" Error
        "there is not exactly one .dist-info directory, or it is of another project or version"
        "PyPA, Binary distribution format, The .dist-info directory"
    RECORD_MISSING "record-missing" Error
        "there is no RECORD"
        "PyPA, Recording installed projects"
    RECORD_FORMAT "record-format" Error
        "RECORD is no CSV of path, hash and size in UTF-8"
        "PEP 376; PyPA, Recording installed projects"
    RECORD_NO_FILE "record-no-file" Error
        "a row of RECORD has no file"
        "PyPA, Binary distribution format, Signed wheel files"
    RECORD_NO_ROW "record-no-row" Error
        "a file has no row in RECORD"
        "PyPA, Binary distribution format, Signed wheel files"
    RECORD_TWO_ROWS "record-two-rows" Error
        "a file has several rows in RECORD"
        "PyPA, Recording installed projects"
    RECORD_SIZE "record-size" Error
        "RECORD gives a file another size"
        "PyPA, Recording installed projects"
    RECORD_HASH "record-hash" Error
        "RECORD gives a file another hash, or none"
        "PyPA, Binary distribution format: every file but RECORD must have a hash"
    RECORD_ALGORITHM "record-algorithm" Warning
        "a hash of RECORD is not SHA-256 and was not compared; md5 and sha1 are forbidden"
        "PyPA, Binary distribution format: sha256 or better"
        [Error "it is md5 or sha1"]
    RECORD_SIGNATURE "record-signature" Warning
        "RECORD.jws or RECORD.p7s, which no installer verifies and every change invalidates"
        "PyPA, Binary distribution format: signatures are deprecated"
    WHEEL_FILE "wheel-file" Error
        "WHEEL is missing or cannot be read"
        "PyPA, Binary distribution format, File contents"
    WHEEL_VERSION "wheel-version" Error
        "Wheel-Version is of a major version that installers refuse"
        "PyPA, Binary distribution format, Installing a wheel"
    WHEEL_TAGS "wheel-tags" Error
        "the tags in WHEEL are not those of the file name"
        "PyPA, Binary distribution format: Tag is the expanded tag of the file name"
        [Warning "one says manylinux2014 where the other says manylinux_2_17, which promises the same"]
    ROOT_IS_PURELIB "root-is-purelib" Error
        "Root-Is-Purelib is missing, there twice, or neither true nor false"
        "PyPA, Binary distribution format, File contents"
    PURELIB_BINARY "purelib-binary" Warning
        "binaries are installed into purelib, the place of what runs on every machine"
        "PyPA, Binary distribution format; pip installs such wheels, auditwheel refuses them"
    METADATA "metadata" Error
        "METADATA is missing or cannot be read"
        "PyPA, Core metadata specifications"
    METADATA_NAME "metadata-name" Error
        "the name in METADATA is not that of the file name"
        "PyPA, Binary distribution format, File name convention"
    METADATA_VERSION "metadata-version" Error
        "the version in METADATA is not that of the file name"
        "PyPA, Binary distribution format, File name convention"
    ANY_TAG "any-tag" Error
        "the wheel has binaries and says that it runs on any platform"
        "PyPA, Platform compatibility tags, `any`"
        [Warning "no binary is an extension module, and they are libraries for one system"]
        [Note "they may be data, such as programs for each of several systems"]
    LINUX_TAG "linux-tag" Warning
        "a linux_* tag promises nothing, and PyPI takes no such wheel"
        "PEP 513; PyPI's upload rules"
    SYMLINK "symlink" Error
        "a symbolic link: installers write a file with the text of the link"
        "PyPA, Binary distribution format knows files only; pip #5919"
    SYMLINK_COPY "symlink-copy" Warning
        "one library is there under several names that were links: each is another library to the loader"
        "ld.so(8): libraries are told apart by file; auditwheel #331"
    DUPLICATE "duplicate" Warning
        "one binary is there several times"
        "size of the wheel"
    SAME_SONAME "same-soname" Warning
        "different libraries have one SONAME: a process that loads one takes it for the other"
        "glibc, elf/dl-load.c, _dl_map_object; auditwheel #231"
    SAME_DLL "same-dll" Warning
        "different DLLs of one name are needed by that: a process that has loaded one takes it for the other"
        "LoadLibraryExW, Remarks: a loaded module of the same base name and extension"
    TWO_RUNTIMES "two-runtimes" Warning
        "one process loads two copies or versions of a runtime that has state of its own"
        "auditwheel #24; scipy #22654"
    CASE "case" Warning
        "paths that are one where case does not count, as on Windows and macOS"
        "NTFS, APFS"
    SIZE "size" Error
        "the wheel is larger than --max-size allows"
        "--max-size"
    UNPACKED_SIZE "unpacked-size" Error
        "the contents are larger than --max-unpacked-size allows"
        "--max-unpacked-size"
    FORBIDDEN_LIBRARY "forbidden-library" Error
        "a library that --forbid names is in the wheel or needed by it"
        "--forbid"
    REQUIRED_LIBRARY "required-library" Error
        "a library that --require names is neither in the wheel nor needed by it"
        "--require"
    FORBIDDEN_SYMBOL "forbidden-symbol" Error
        "a binary uses or defines a symbol that --forbid-symbol names"
        "--forbid-symbol"
    LOCK "lock" Error
        "the wheel brings along other libraries than the project's lock has for it"
        "truewheel.lock"
        [Note "names alone can be compared"]
    REQUIRED_SYMBOL "required-symbol" Error
        "no binary uses or defines a symbol that --require-symbol names"
        "--require-symbol"
    TAG "tag" Error
        "the contents do not earn a tag of the file name"
        "PEP 600, PEP 656, PEP 738; auditwheel's policies; Apple's minimum versions"
        [Warning "the tag is one that installers accept nowhere, or for a system that is not known \
                  here or that no binary is for"]
    BROADER_TAG "broader-tag" Note
        "the contents earn a tag that more systems accept"
        "PEP 600"
    ARCH "arch" Error
        "a binary is for another processor than the tag"
        "gABI, e_machine; <mach-o/loader.h>, cputype; PE Format, Machine"
        [Warning "the binary is no extension module and may be data"]
    MISSING_ARCH "missing-arch" Error
        "a Mach-O file lacks a processor that the tag names"
        "PyPA, Platform compatibility tags, macOS"
        [Warning "the file is no extension module, and no code for that processor names it"]
    LIBC "libc" Error
        "a binary is for another C library than the tag"
        "PEP 600, PEP 656"
        [Warning "the binary is no extension module and may be data"]
    MISSING_LIBRARY "missing-library" Error
        "a needed library is not in the wheel, and systems with its tag need not have it"
        "PEP 513; auditwheel's policies"
        [Warning "it is a DLL that is loaded at the first call of a function"]
    REQUIRED_PACKAGE "required-package" Warning
        "a needed library is not in the wheel; its name says that a required package may bring it"
        "PyPA, Core metadata, Requires-Dist"
        [Note "a search path leads to the package"]
    DRIVER "driver" Warning
        "a needed library belongs to the machine's drivers: no import without them"
        "NVIDIA, Mesa, Vulkan: the library must be that of the kernel's driver"
    UNREACHABLE "unreachable-library" Error
        "a needed library is in the wheel, and no search path leads to it"
        "ld.so(8); dyld(1); LoadLibraryExW"
        [Warning "only code for a processor that no tag names needs it"]
    LIBPYTHON "libpython" Error
        "an extension needs libpython, which many interpreters do not have as a library"
        "PEP 513, libpythonX.Y.so.1; bpo-21536"
        [Warning "what needs it is no extension"]
    RPATH_ABSOLUTE "rpath-absolute" Error
        "a search path of the machine that built it"
        "ld.so(8), RPATH; Debian policy 10.2"
    RPATH_WORKING_DIRECTORY "rpath-working-directory" Error
        "a search path that is empty or relative: libraries are taken from the working directory"
        "ld.so(8): a zero-length name is the current directory; CWE-426"
    RPATH_OUTSIDE "rpath-outside" Error
        "a search path that leads out of site-packages"
        "ld.so(8), $ORIGIN"
        [Warning "it leads to the environment's own libraries, or the wheel is for macOS"]
    RPATH_PACKAGE "rpath-package" Warning
        "a search path that leads into another package, which METADATA need not require"
        "PyPA, Core metadata, Requires-Dist"
        [Note "METADATA requires the package"]
    RPATH_DANGLING "rpath-dangling" Warning
        "a search path to a directory that the wheel does not have"
        "ld.so(8), $ORIGIN"
    EXECUTABLE_STACK "executable-stack" Error
        "a binary asks for an executable stack, which glibc refuses from 2.41 on"
        "glibc 2.41, NEWS: dlopen of such a library fails"
        [Warning "the binary is a program, or its C library never makes the stack executable"]
    TEXT_RELOCATIONS "text-relocations" Warning
        "code is relocated (DT_TEXTREL): hardened systems and Android refuse that"
        "gABI, DF_TEXTREL; SELinux execmod; Android 6"
        [Error "the wheel is for Android"]
    UNDEFINED_VERSION "undefined-version" Error
        "a file needs a version of a library in the wheel that this library does not define"
        "LSB Core, Symbol versioning; ld.so: version not found"
        [Warning "the library has no versions at all, and ld.so only complains"]
    UNDEFINED_SYMBOL "undefined-symbol" Error
        "nothing that a file needs defines a symbol that it uses"
        "gABI, Shared object dependencies"
        [Warning "the symbol has no version, and something loaded before may have it"]
        [Note "every Python has loaded what defines it"]
    BLAS_INTEGERS "blas-integers" Error
        "a file calls the 32-bit names of a BLAS whose integers have 64 bits"
        "OpenBLAS, INTERFACE64 and SYMBOLSUFFIX; numpy #25732"
    SONAME_FILE "soname-file" Warning
        "the wheel has headers, and a library whose SONAME is no file: what links with it finds nothing"
        "gABI, DT_SONAME; numpy #25505"
    INSTALL_NAME "install-name" Error
        "an install name is an absolute path that macOS does not have"
        "dyld(1)"
    UNSIGNED "unsigned" Error
        "code for arm64 without a signature: macOS kills the process that loads it"
        "Apple, macOS 11 release notes: arm64 code must be signed"
    SIGNATURE "signature" Error
        "a code signature does not fit the code: macOS kills the process that loads it"
        "Apple, TN3126: the kernel checks the hash of each page of code; <kern/cs_blobs.h>"
        [Warning "the code is not for arm64"]
    OTHER_SYSTEM "other-system" Error
        "a Mach-O file is built for another of Apple's systems than the tag: dyld refuses it"
        "<mach-o/loader.h>, LC_BUILD_VERSION; PEP 730"
    SAME_COMMAND "same-command" Error
        "two load commands of one slice have the same path, and dyld refuses the file"
        "dyld of macOS 15.4 for LC_RPATH and 26 for loads"
        [Warning "the file is built with an older SDK, which newer dyld lets pass"]
    EXTENSION_PYTHON "extension-python" Warning
        "the file name of an extension is for a Python that the wheel's tag does not name"
        "PEP 3149; PEP 425"
    DLOPEN "dlopen" Note
        "a binary holds the name of a library that is not there: it may be opened at run time"
        "dlopen(3); most such names are probes for something that may be absent"
    LIMIT "limit" Note
        "a part of the check was left out, because the wheel is too large for it"
        "every input may be made to cost time"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_there_once_in_kebab_case_with_each_severity_once() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.code == rule.code).count(), 1);
            assert!(rule.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(!rule.what.is_empty() && !rule.source.is_empty(), "{}", rule.code);
            let mut severities: Vec<Severity> =
                rule.also.iter().map(|also| also.severity).collect();
            severities.push(rule.severity);
            severities.sort();
            severities.dedup();
            assert_eq!(severities.len(), rule.also.len() + 1, "{}", rule.code);
        }
    }
}
