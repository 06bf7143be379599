//! Whole repairs of wheels for macOS. What comes out is held against a model of dyld, on a machine that has
//! the wheel, Python and macOS, and nothing else.

use crate::support::{Installed, Mach, Output, Wheel};

/// Libraries that nothing needs by name and that come along all the same.
mod include;
/// Libraries of the wheel that are links or copies of each other.
mod links;
/// Where things lie in the repaired wheel, and what they are called.
mod places;
/// Which library a name leads to.
mod search;
/// Universal files.
mod slices;

/// A wheel for arm64 with the package `demo` and one module in it.
fn demo(module: &Mach) -> Wheel {
    Wheel::new("demo")
        .tag("cp312-cp312-macosx_15_0_arm64")
        .file("demo/__init__.py", "")
        .file("demo/_ext.so", module.bytes())
}

/// dyld finds everything, on each of these CPUs.
fn assert_loads(output: &Output, cpus: &[&'static str]) {
    for cpu in cpus {
        assert_eq!(Installed::of(output).faults(cpu), [""; 0], "{cpu}");
    }
}

/// What one slice of a member names, without what the system has.
fn loads(output: &Output, path: &str, cpu: &str) -> Vec<String> {
    let slice = slice(output, path, cpu);
    let names = slice.loads.into_iter().map(|(name, _)| name);
    names.filter(|name| !name.starts_with("/usr/lib/")).collect()
}

fn slice(output: &Output, path: &str, cpu: &str) -> crate::support::macho::MachSlice {
    let slices = crate::support::macho::slices(output.bytes(path));
    slices.into_iter().find(|slice| slice.cpu == cpu).expect("a slice for the CPU")
}
