//! The names Apple's tools give to CPUs (`lipo -archs`, `arch(3)`, `<mach/machine.h>`).
//!
//! The top byte of a subtype holds capability bits (`CPU_SUBTYPE_LIB64`, the pointer authentication version
//! of arm64e), which are no part of the name.

use object::macho as m;

/// The name of a CPU, `unknown` if Apple's tools have none for it.
///
/// `arm64e` and `x86_64h` have names of their own: dyld takes them for CPUs that can run them, and a plain
/// `arm64` or `x86_64` process cannot.
pub(crate) fn architecture(cpu_type: u32, cpu_subtype: u32) -> &'static str {
    let subtype = cpu_subtype & !m::CPU_SUBTYPE_MASK;
    let is = |kind: m::CpuType| cpu_type == kind.0;
    if is(m::CPU_TYPE_X86_64) {
        if subtype == m::CPU_SUBTYPE_X86_64_H.0 { "x86_64h" } else { "x86_64" }
    } else if is(m::CPU_TYPE_ARM64) {
        if subtype == m::CPU_SUBTYPE_ARM64E.0 { "arm64e" } else { "arm64" }
    } else if is(m::CPU_TYPE_X86) {
        "i386"
    } else if is(m::CPU_TYPE_ARM64_32) {
        "arm64_32"
    } else if is(m::CPU_TYPE_ARM) {
        arm(subtype)
    } else if is(m::CPU_TYPE_POWERPC) {
        "ppc"
    } else if is(m::CPU_TYPE_POWERPC64) {
        "ppc64"
    } else {
        "unknown"
    }
}

fn arm(subtype: u32) -> &'static str {
    match m::CpuSubtypeId(subtype) {
        m::CPU_SUBTYPE_ARM_V6 => "armv6",
        m::CPU_SUBTYPE_ARM_V7 => "armv7",
        m::CPU_SUBTYPE_ARM_V7S => "armv7s",
        m::CPU_SUBTYPE_ARM_V7K => "armv7k",
        _ => "arm",
    }
}

#[cfg(test)]
mod tests {
    use super::architecture;

    #[test]
    fn capability_bits_are_no_part_of_the_name() {
        assert_eq!(architecture(0x0100_0007, 0x8000_0003), "x86_64");
        assert_eq!(architecture(0x0100_000c, 0x8000_0002), "arm64e");
    }

    #[test]
    fn every_cpu_has_the_name_lipo_prints() {
        let names = [
            (0x0100_0007, 3, "x86_64"),
            (0x0100_0007, 8, "x86_64h"),
            (0x0100_000c, 0, "arm64"),
            (0x0100_000c, 1, "arm64"),
            (0x0100_000c, 2, "arm64e"),
            (0x0200_000c, 1, "arm64_32"),
            (7, 3, "i386"),
            (12, 6, "armv6"),
            (12, 9, "armv7"),
            (12, 11, "armv7s"),
            (12, 12, "armv7k"),
            (12, 0, "arm"),
            (18, 0, "ppc"),
            (0x0100_0012, 0, "ppc64"),
            (0x99, 0, "unknown"),
        ];
        for (cpu_type, cpu_subtype, name) in names {
            assert_eq!(architecture(cpu_type, cpu_subtype), name);
        }
    }
}
