//! The libraries that come with a driver of the machine, each with the reason it cannot be vendored.
//!
//! A copy of one of these works on the machine that built the wheel and breaks, or silently falls back
//! to software, on the next one. Near relatives that *can* be vendored are left out on purpose: the
//! CUDA toolkit (`libcudart`, `libnvrtc`, `libcublas`) has no tie to one kernel module, `libOpenCL` is
//! a front end with a frozen interface that several projects ship, `libdrm` speaks the kernel's own
//! stable interface and is vendored by the ROCm builds of PyTorch, `libGLU` and `libOSMesa` draw by
//! themselves, `libva` and `libhsa-runtime64` find their drivers by a versioned protocol.

/// How a row names its libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stem {
    /// All of the name before `.so`.
    Is(&'static str),
    /// The beginning of the name; at least one character follows before `.so`.
    StartsWith(&'static str),
}

/// The rows; the reason is the comment above each group.
const DRIVERS: &[Stem] = &[
    // NVIDIA's user half of the driver: refuses to work with a kernel module of another release.
    Stem::Is("libcuda"),
    Stem::Is("libcudadebugger"),
    Stem::Is("libnvcuvid"),
    Stem::Is("libnvoptix"),
    Stem::StartsWith("libnvidia-"),
    // The same on NVIDIA's Tegra boards, where the driver lies in the board support package.
    Stem::Is("libcudla"),
    Stem::StartsWith("libnvrm_"),
    Stem::StartsWith("libnvbuf"),
    // libglvnd: one dispatch table for the process, filled by the vendor's library that the machine
    // has. A second copy has an empty table of its own.
    Stem::Is("libGL"),
    Stem::Is("libGLX"),
    Stem::Is("libEGL"),
    Stem::Is("libOpenGL"),
    Stem::Is("libGLdispatch"),
    Stem::Is("libGLESv1_CM"),
    Stem::Is("libGLESv2"),
    // The vendors' halves of libglvnd: `libGLX_nvidia`, `libEGL_mesa`.
    Stem::StartsWith("libGLX_"),
    Stem::StartsWith("libEGL_"),
    // Mesa's inner libraries load drivers of exactly their own build.
    Stem::Is("libgbm"),
    Stem::Is("libglapi"),
    Stem::StartsWith("libgallium-"),
    // The Vulkan loader must know the interface version of the machine's drivers, and layers that the
    // machine injects must meet the one loader of the process.
    Stem::Is("libvulkan"),
    Stem::StartsWith("libvulkan_"),
    // Intel's Level Zero: the loader, its layers and the GPU and NPU drivers are installed together.
    Stem::StartsWith("libze_"),
    // The Windows host's graphics, mounted into WSL by the host.
    Stem::Is("libdxcore"),
    Stem::Is("libd3d12"),
    Stem::Is("libd3d12core"),
    // RDMA: libibverbs loads providers (`libmlx5-rdmav34.so`) through an interface that changes with
    // each of its releases and is versioned IBVERBS_PRIVATE; providers need the machine's libibverbs.
    Stem::Is("libibverbs"),
    Stem::Is("librdmacm"),
    Stem::Is("libmlx4"),
    Stem::Is("libmlx5"),
    Stem::Is("libefa"),
];

/// True for a library that belongs to a driver of the machine, such as `libcuda.so.1`.
///
/// `name` is a SONAME or file name: a listed stem, `.so`, and version numbers.
pub fn is_driver(name: &str) -> bool {
    let Some((stem, version)) = name.split_once(".so") else { return false };
    super::is_version_suffix(version) && DRIVERS.iter().any(|row| row.matches(stem))
}

impl Stem {
    fn matches(self, stem: &str) -> bool {
        match self {
            Stem::Is(name) => stem == name,
            Stem::StartsWith(prefix) => {
                stem.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_driver;

    #[test]
    fn libraries_of_a_driver_installation_are_drivers() {
        let names = [
            "libcuda.so.1",
            "libcuda.so",
            "libcuda.so.550.54.14",
            "libnvidia-ml.so.1",
            "libnvidia-encode.so.1",
            "libnvcuvid.so.1",
            "libGL.so.1",
            "libGLX.so.0",
            "libGLX_nvidia.so.0",
            "libEGL.so.1",
            "libOpenGL.so.0",
            "libgallium-24.2.8-1.so",
            "libvulkan.so.1",
            "libze_loader.so.1",
            "libze_intel_gpu.so.1",
            "libibverbs.so.1",
        ];
        for name in names {
            assert!(is_driver(name), "{name}");
        }
    }

    #[test]
    fn libraries_that_only_resemble_a_driver_are_none() {
        let names = [
            "libcudart.so.12",
            "libcudart-1a2b3c4d.so.12",
            "libcuda-1a2b3c4d.so.1",
            "libnvrtc.so.12",
            "libnvidia-.so.1",
            "libGLU.so.1",
            "libGLEW.so.2.2",
            "libOpenCL.so.1",
            "libdrm.so.2",
            "libOSMesa.so.8",
            "libcuda.so.1.bak",
            "libcuda",
            "",
        ];
        for name in names {
            assert!(!is_driver(name), "{name}");
        }
    }
}
