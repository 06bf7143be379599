//! What the caller may choose. Nothing here is read from the environment.

use std::path::PathBuf;

use truewheel_elf::Strip;
use truewheel_wheel::{PlatformTag, normalize_name};

use crate::check::CheckOptions;
use crate::groups::Group;
use crate::policy::macos::{MacosVersion, Rounding};
use crate::provided::ProvidedBy;
use crate::search::sites::SitePackages;

/// Where a search directory came from, so that every decision can be printed with its reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchDirectory {
    /// The directory on this machine.
    pub path: PathBuf,
    /// Who named it, such as `--lib-path` or `LD_LIBRARY_PATH`.
    pub origin: String,
}

/// How libraries are looked for, beyond what the binaries themselves say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchOptions {
    /// Directories of the caller's own (`--lib-path`). A library there is also found by its SONAME,
    /// before anything that comes after in the loader's order.
    pub lib_paths: Vec<SearchDirectory>,
    /// Directories out of environment variables that the loader or an older tool reads.
    pub environment: Vec<SearchDirectory>,
    /// Directories that dyld reads from `DYLD_LIBRARY_PATH`; for macOS only, like the next.
    pub dyld: Vec<SearchDirectory>,
    /// Directories that dyld reads from `DYLD_FALLBACK_LIBRARY_PATH`.
    pub dyld_fallback: Vec<SearchDirectory>,
    /// Where libraries of installed Python packages lie; looked at where nothing else has one, on Windows before
    /// the runtimes of Visual Studio and `PATH`.
    pub packages: SitePackages,
    /// The directory that `@executable_path` stands for where the program is not in the wheel; for macOS
    /// only.
    pub executable_path: Option<PathBuf>,
    /// Takes the place of `ld.so.conf` and the default directories (`--ldpaths`).
    pub ldpaths: Option<Vec<PathBuf>>,
    /// Root of the target's file system; absolute RPATHs, `ld.so.conf` and default directories are
    /// looked up below it. `None` is this machine's root.
    pub sysroot: Option<PathBuf>,
}

/// Which tag an RPATH entry is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RpathStyle {
    /// `DT_RPATH` on Linux, `DT_RUNPATH` on Android.
    #[default]
    Target,
    /// `DT_RPATH`: searched before `LD_LIBRARY_PATH`, and for the libraries it leads to as well.
    Rpath,
    /// `DT_RUNPATH`: searched after `LD_LIBRARY_PATH`, for direct needs only.
    Runpath,
}

/// A library to bring along that nothing needs by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// Its path on this machine, or its name as a loader would look for it.
    pub library: String,
    /// Its directory in the wheel; `None` is that of vendored libraries.
    pub directory: Option<String>,
}

impl Include {
    /// Whether it is given by its path.
    pub(crate) fn is_path(&self) -> bool {
        self.library.contains(std::path::is_separator)
    }

    /// The name that it keeps.
    pub(crate) fn file_name(&self) -> &str {
        self.library.rsplit(std::path::is_separator).next().unwrap_or(&self.library)
    }

    /// As it was typed.
    pub(crate) fn option(&self) -> String {
        match &self.directory {
            Some(directory) => format!("--include {}={directory}", self.library),
            None => format!("--include {}", self.library),
        }
    }
}

/// What only wheels for macOS are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacosOptions {
    /// No file may need a newer system.
    pub max_minos: Option<MacosVersion>,
    /// The system that the wheel was built for: no file may need a newer one, where neither
    /// [`max_minos`](Self::max_minos) nor a tag says otherwise, and no tag is older.
    pub deployment_target: Option<MacosVersion>,
    /// CPUs that every binary must have code for, beside those of the tag.
    pub require_archs: Vec<String>,
    /// How a tag says a version that installers do not know.
    pub rounding: Rounding,
    /// Of several packages none of which is called as the project, the first by name gets the libraries, as
    /// delocate has it; else they lie beside the packages.
    pub first_package: bool,
    /// `lib_sdir` is the whole name of a directory beside the package, as delocate has it for `../NAME`.
    pub beside_package: bool,
    /// Wheels for other systems are copied as they are.
    pub only: bool,
    /// Keep `LC_RPATH` entries that lead out of the wheel.
    pub keep_rpaths: bool,
}

/// Where vendored DLLs go in a wheel for Windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Beside the modules where those lie in one directory, else in the wheel's own directory of libraries,
    /// which packages name.
    #[default]
    Automatic,
    /// Beside the modules that need them, in each of their directories.
    Beside,
    /// In the wheel's own directory of libraries.
    Libs,
}

/// What only wheels for Windows are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowsOptions {
    /// Where vendored DLLs go.
    pub layout: Layout,
    /// Packages, as dotted names, whose `__init__.py` other distributions have too.
    pub namespace_packages: Vec<String>,
    /// The user's own code names the directory of libraries, where a comment asks for it.
    pub custom_patch: bool,
    /// `NAME.pdb` comes along with `NAME.dll`.
    pub include_symbols: bool,
    /// `NAME.lib` and `NAME.dll.a` come along with `NAME.dll`, and name it as it is in the wheel.
    pub include_imports: bool,
    /// An included DLL that is needed by its name is brought along as any other that is, under another name.
    pub include_only_unneeded: bool,
    /// Contents of `DELVEWHEEL` in `.dist-info`, which tells delvewheel that the wheel was repaired; `None`
    /// writes none.
    pub mark: Option<String>,
    /// Directories of Visual Studio with the runtimes it redistributes, one directory in each for every
    /// machine (`VCToolsRedistDir`).
    pub redistributables: Vec<PathBuf>,
    /// Directories to look in when nothing else has a DLL (`PATH`).
    pub path: Vec<SearchDirectory>,
    /// Where Windows itself is, if this machine runs it (`SystemRoot`): what lies there is Windows' own, but
    /// for the C++ runtime that programs install there.
    pub system_root: Option<PathBuf>,
}

impl WindowsOptions {
    /// The directories of redistributable runtimes for an architecture, then `PATH`.
    pub(crate) fn last_resorts(&self, architecture: &str) -> Vec<SearchDirectory> {
        let machine = if architecture == "arm64x" { "arm64" } else { architecture };
        let origin = "the runtimes of Visual Studio";
        let mut directories = Vec::new();
        for root in &self.redistributables {
            // `x64/Microsoft.VC143.CRT`, `.OpenMP`, `.CXXAMP`, `.MFC`.
            let below = std::fs::read_dir(root.join(machine)).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = below.map(|item| item.path()).collect();
            paths.sort();
            let found =
                paths.into_iter().map(|path| SearchDirectory { path, origin: origin.into() });
            directories.extend(found);
        }
        directories.extend(self.path.iter().cloned());
        directories
    }
}

/// Everything a repair may be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that gets the repaired wheel; created with its parents.
    pub output: PathBuf,
    /// The result may take the place of the input, as its name says.
    pub in_place: bool,
    /// The platform tag asked for; `None` is the best that the content earns.
    pub platform: Option<PlatformTag>,
    /// A tag that the surroundings wish for; it counts only where it fits the wheel and is earned.
    pub platform_hint: Option<PlatformTag>,
    /// Where it fits the wheel, that tag is asked for as if by [`platform`](Self::platform).
    pub platform_hint_is_order: bool,
    /// Only the requested tag and its alias, also when the content earns a better one.
    pub only_platform: bool,
    /// The same where an older name (`manylinux2014`) is asked for and libraries are brought along.
    pub older_name_stands_alone: bool,
    /// Keep the tags in the file name and in WHEEL as they are.
    pub keep_tags: bool,
    /// Appended to the distribution's name to give the directory of vendored libraries; `.libs` on Linux.
    /// On macOS `.dylibs`, and the name of a directory in the package if there is one.
    pub lib_sdir: Option<String>,
    /// Where libraries are looked for.
    pub search: SearchOptions,
    /// Globs on needed names, SONAMEs, file names and paths; what matches is left out.
    pub exclude: Vec<String>,
    /// Named sets of such globs.
    pub exclude_groups: Vec<&'static Group>,
    /// Distributions that will be installed beside the wheel, whose libraries are left to them.
    pub provided_by: Vec<ProvidedBy>,
    /// Globs on needed names; what matches is vendored although targets provide it or it belongs to a
    /// driver.
    pub force_vendor: Vec<String>,
    /// Libraries to bring along that nothing needs by name.
    pub include: Vec<Include>,
    /// Globs on file names and needed names; what matches is vendored under its own name.
    pub no_mangle: Vec<String>,
    /// What only wheels for macOS are told.
    pub macos: MacosOptions,
    /// What only wheels for Windows are told.
    pub windows: WindowsOptions,
    /// What must be so of the result, or it is not written.
    pub expected: CheckOptions,
    /// How RPATHs are written.
    pub rpath_style: RpathStyle,
    /// Clear the executable-stack flag of every binary that is written.
    pub clear_executable_stack: bool,
    /// Take debug information, or symbols too, out of every ELF file of the target and every library
    /// that is brought along.
    pub strip: Option<Strip>,
    /// Do not look at x86-64-v2/v3/v4 markers.
    pub allow_isa_extensions: bool,
    /// Leave libraries that are found nowhere to whoever installs the wheel.
    pub ignore_missing: bool,
    /// List what is brought along, with the packages it comes from, in `.dist-info/sboms/`.
    pub sbom: bool,
    /// Copy the licences of those packages to `.dist-info/licenses/`.
    pub licenses: bool,
    /// Date of new members, in seconds since 1970 (`SOURCE_DATE_EPOCH`); `None` takes the newest
    /// date in the input.
    pub source_date_epoch: Option<i64>,
    /// Deflate level of new and changed members, 0 to 12.
    pub compression_level: u32,
}

impl Options {
    /// The same for a wheel of `project`, whose installed release is none of its sources.
    pub(crate) fn for_project(&self, project: &str) -> Self {
        let mut options = self.clone();
        options.search.packages.except = Some(normalize_name(project));
        options
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            output: PathBuf::from("wheelhouse"),
            in_place: false,
            platform: None,
            platform_hint: None,
            platform_hint_is_order: false,
            only_platform: false,
            older_name_stands_alone: false,
            keep_tags: false,
            lib_sdir: None,
            search: SearchOptions::default(),
            exclude: Vec::new(),
            exclude_groups: Vec::new(),
            provided_by: Vec::new(),
            force_vendor: Vec::new(),
            include: Vec::new(),
            no_mangle: Vec::new(),
            macos: MacosOptions::default(),
            windows: WindowsOptions::default(),
            expected: CheckOptions::default(),
            rpath_style: RpathStyle::default(),
            clear_executable_stack: false,
            strip: None,
            allow_isa_extensions: false,
            ignore_missing: false,
            sbom: true,
            licenses: false,
            source_date_epoch: None,
            compression_level: truewheel_wheel::deflate::LEVEL,
        }
    }
}
