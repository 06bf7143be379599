//! Sets of libraries that come from elsewhere, to be left out by one name (`--exclude-group cuda`).
//!
//! A wheel for a GPU or on top of another wheel must not bring the libraries of that other product:
//! hundreds of megabytes, and a second copy beside the one that is loaded already. Lists of file names
//! kept by hand in every project break with each new SONAME; a group covers every version, because its
//! patterns end in `.so*`. A name in a group is one that its makers give, never one that resembles it:
//! `libtorch_cpu.so*` and not `libtorch*`, which would also be somebody's own library.

/// Libraries that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The word on the command line.
    pub name: &'static str,
    /// What it is, and what a user's machine gets it from.
    pub what: &'static str,
    /// Where the names are documented.
    pub sources: &'static [&'static str],
    /// Globs on needed names.
    pub patterns: &'static [&'static str],
}

/// Every group, by name.
pub const GROUPS: &[Group] = &[
    Group {
        name: "arrow",
        what: "Apache Arrow, as PyPI's pyarrow brings it",
        sources: &["https://arrow.apache.org/docs/python/integration/extending.html"],
        patterns: &[
            "libarrow.so*",
            "libarrow_acero.so*",
            "libarrow_compute.so*",
            "libarrow_dataset.so*",
            "libarrow_flight.so*",
            "libarrow_flight_sql.so*",
            "libarrow_python.so*",
            "libarrow_python_flight.so*",
            "libarrow_python_parquet_encryption.so*",
            "libarrow_substrait.so*",
            "libparquet.so*",
        ],
    },
    Group {
        name: "cuda",
        what: "NVIDIA's driver interface, CUDA Toolkit and libraries for it, as PyPI's nvidia-* bring them",
        sources: &[
            "https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/",
            "https://docs.nvidia.com/cuda/eula/",
            "https://docs.nvidia.com/deeplearning/cudnn/",
        ],
        patterns: &[
            // The driver.
            "libcuda.so*",
            "libnvidia-ml.so*",
            "libnvcuvid.so*",
            "libnvidia-encode.so*",
            // The toolkit.
            "libaccinj64.so*",
            "libcheckpoint.so*",
            "libcublas.so*",
            "libcublasLt.so*",
            "libcudart.so*",
            "libcufft.so*",
            "libcufftw.so*",
            "libcufile.so*",
            "libcufile_rdma.so*",
            "libcuinj64.so*",
            "libcupti.so*",
            "libcurand.so*",
            "libcusolver.so*",
            "libcusolverMg.so*",
            "libcusparse.so*",
            "libnpp[a-z]*.so*",
            "libnvJitLink.so*",
            "libnvToolsExt.so*",
            "libnvblas.so*",
            "libnvfatbin.so*",
            "libnvjpeg.so*",
            "libnvperf_host.so*",
            "libnvperf_target.so*",
            "libnvrtc-builtins.so*",
            "libnvrtc.so*",
            "libnvvm.so*",
            // Released by themselves.
            "libcal.so*",
            "libcublasmp.so*",
            "libcudensitymat.so*",
            "libcudnn*.so*",
            "libcudss*.so*",
            "libcufftMp.so*",
            "libcusolverMp.so*",
            "libcusparseLt.so*",
            "libcustatevec.so*",
            "libcutensor.so*",
            "libcutensorMg.so*",
            "libcutensornet.so*",
            "libnccl.so*",
            "libnvcomp.so*",
            "libnvinfer*.so*",
            "libnvonnxparser.so*",
            "libnvshmem_host.so*",
        ],
    },
    Group {
        name: "mpi",
        what: "Open MPI, MPICH and Intel MPI: the cluster's own, which knows its network",
        sources: &[
            "https://docs.open-mpi.org/en/main/building-apps/",
            "https://www.mpich.org/abi/",
            "https://pypi.org/project/mpich/",
        ],
        patterns: &[
            "libmpi.so*",
            "libmpi_cxx.so*",
            "libmpi_java.so*",
            "libmpi_mpifh.so*",
            "libmpi_usempi*.so*",
            "libmpi_abi.so*",
            "libmpich.so*",
            "libmpichcxx.so*",
            "libmpichfort.so*",
            "libmpicxx.so*",
            "libmpifort.so*",
            "libopen-pal.so*",
            "libopen-rte.so*",
            "liboshmem.so*",
        ],
    },
    Group {
        name: "oneapi",
        what: "Intel's compiler runtimes and MKL, as PyPI's mkl, intel-openmp, tbb and intel-*-rt bring them",
        sources: &[
            "https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/current/\
             intel-math-kernel-library-structure.html",
            "https://www.intel.com/content/www/us/en/developer/articles/tool/\
             oneapi-standalone-components.html",
        ],
        patterns: &[
            "libimf.so*",
            "libintlc.so*",
            "libiomp5.so*",
            "libirc.so*",
            "libirng.so*",
            "libmkl_*.so*",
            "libsvml.so*",
            "libsycl.so*",
            "libtbb.so*",
            "libtbbmalloc.so*",
            "libur_adapter_*.so*",
            "libur_loader.so*",
        ],
    },
    Group {
        name: "opengl",
        what: "OpenGL, OpenGL ES, EGL and GLX, of the machine's graphics driver",
        sources: &["https://gitlab.freedesktop.org/glvnd/libglvnd"],
        patterns: &[
            "libEGL.so*",
            "libGL.so*",
            "libGLESv1_CM.so*",
            "libGLESv2.so*",
            "libGLX.so*",
            "libGLdispatch.so*",
            "libOpenGL.so*",
            "libgbm.so*",
            "libglapi.so*",
        ],
    },
    Group {
        name: "openmp",
        what: "the OpenMP runtimes of GCC, LLVM and Intel: one process should have one",
        sources: &["https://gcc.gnu.org/onlinedocs/libgomp/", "https://openmp.llvm.org/"],
        patterns: &["libgomp.so*", "libiomp5.so*", "libomp.so*"],
    },
    Group {
        name: "rapids",
        what: "RAPIDS, as the libcudf, librmm, libraft … wheels bring it",
        sources: &["https://docs.rapids.ai/install/"],
        patterns: &[
            "libcudf.so*",
            "libcugraph.so*",
            "libcugraph_c.so*",
            "libcuml++.so*",
            "libcuml.so*",
            "libcuspatial.so*",
            "libcuvs.so*",
            "libcuvs_c.so*",
            "libkvikio.so*",
            "libraft.so*",
            "librapids_logger.so*",
            "librmm.so*",
            "libucxx.so*",
            "libucxx_python.so*",
        ],
    },
    Group {
        name: "rdma",
        what: "the RDMA stack, which must fit the machine's kernel and providers",
        sources: &["https://github.com/linux-rdma/rdma-core"],
        patterns: &[
            "libefa.so*",
            "libhns.so*",
            "libibumad.so*",
            "libibverbs.so*",
            "libmana.so*",
            "libmlx4.so*",
            "libmlx5.so*",
            "librdmacm.so*",
        ],
    },
    Group {
        name: "rocm",
        what: "AMD's ROCm, of the machine or as PyPI's rocm-sdk-* bring it",
        sources: &["https://rocm.docs.amd.com/en/latest/reference/api-libraries.html"],
        patterns: &[
            "libMIOpen.so*",
            "libamd_comgr.so*",
            "libamd_smi.so*",
            "libamdhip64.so*",
            "libhipblas.so*",
            "libhipblaslt.so*",
            "libhipfft.so*",
            "libhipfftw.so*",
            "libhiprand.so*",
            "libhiprtc-builtins.so*",
            "libhiprtc.so*",
            "libhipsolver.so*",
            "libhipsparse.so*",
            "libhipsparselt.so*",
            "libhiptensor.so*",
            "libhsa-amd-aqlprofile64.so*",
            "libhsa-runtime64.so*",
            "libhsakmt.so*",
            "libmigraphx*.so*",
            "librccl.so*",
            "librocalution.so*",
            "librocblas.so*",
            "librocfft.so*",
            "librocm-core.so*",
            "librocm_smi64.so*",
            "librocprofiler-register.so*",
            "librocprofiler-sdk.so*",
            "librocprofiler64.so*",
            "librocrand.so*",
            "librocsolver.so*",
            "librocsparse.so*",
            "libroctracer64.so*",
            "libroctx64.so*",
        ],
    },
    Group {
        name: "tensorflow",
        what: "TensorFlow, as PyPI's tensorflow brings it",
        sources: &["https://www.tensorflow.org/guide/create_op"],
        patterns: &["libtensorflow.so*", "libtensorflow_cc.so*", "libtensorflow_framework.so*"],
    },
    Group {
        name: "torch",
        what: "PyTorch, as PyPI's torch brings it",
        sources: &["https://pytorch.org/tutorials/advanced/cpp_extension.html"],
        patterns: &[
            "libc10.so*",
            "libc10_cuda.so*",
            "libc10_hip.so*",
            "libc10_xpu.so*",
            "libcaffe2_nvrtc.so*",
            "libshm.so*",
            "libtorch.so*",
            "libtorch_cpu.so*",
            "libtorch_cuda.so*",
            "libtorch_cuda_cpp.so*",
            "libtorch_cuda_cu.so*",
            "libtorch_cuda_linalg.so*",
            "libtorch_global_deps.so*",
            "libtorch_hip.so*",
            "libtorch_nvshmem.so*",
            "libtorch_python.so*",
            "libtorch_xpu.so*",
        ],
    },
    Group {
        name: "vulkan",
        what: "the Vulkan loader, of the machine's graphics driver",
        sources: &[
            "https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderInterfaceArchitecture.md",
        ],
        patterns: &["libvulkan.so*"],
    },
    Group {
        name: "x11",
        what: "the X Window System's client libraries, of the machine's desktop",
        sources: &["https://www.x.org/releases/current/doc/"],
        patterns: &[
            "libICE.so*",
            "libSM.so*",
            "libX11-xcb.so*",
            "libX11.so*",
            "libXau.so*",
            "libXaw.so*",
            "libXcomposite.so*",
            "libXcursor.so*",
            "libXdamage.so*",
            "libXdmcp.so*",
            "libXext.so*",
            "libXfixes.so*",
            "libXft.so*",
            "libXi.so*",
            "libXinerama.so*",
            "libXmu.so*",
            "libXpm.so*",
            "libXrandr.so*",
            "libXrender.so*",
            "libXss.so*",
            "libXt.so*",
            "libXtst.so*",
            "libXv.so*",
            "libXxf86vm.so*",
            "libxcb.so*",
            "libxcb-*.so*",
            "libxkbcommon.so*",
            "libxkbcommon-x11.so*",
            "libxkbfile.so*",
        ],
    },
];

/// The group of that name.
pub fn find(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

/// The group whose name is most like `name`, which is none.
pub fn nearest(name: &str) -> Option<&'static Group> {
    let names = GROUPS.iter().map(|group| group.name);
    crate::pattern::nearest(&name.to_lowercase(), names).and_then(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_their_patterns_are_each_there_once() {
        for (name, names) in [("", GROUPS.iter().map(|group| group.name).collect::<Vec<_>>())]
            .into_iter()
            .chain(GROUPS.iter().map(|group| (group.name, group.patterns.to_vec())))
        {
            let mut once = names.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), names.len(), "{name}");
        }
        assert!(GROUPS.is_sorted_by_key(|group| group.name));
    }

    #[test]
    fn every_pattern_covers_every_version_and_nothing_but_libraries() {
        for group in GROUPS {
            assert!(!group.sources.is_empty(), "{}", group.name);
            for pattern in group.patterns {
                let is_right = pattern.starts_with("lib") && pattern.ends_with(".so*");
                assert!(is_right, "{pattern} of {}", group.name);
            }
        }
    }

    #[test]
    fn a_misspelt_name_leads_to_the_group_that_was_meant() {
        for (typed, meant) in [
            ("cdua", Some("cuda")),
            ("CUDA", Some("cuda")),
            ("pytorch", Some("torch")),
            ("openGL", Some("opengl")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(typed).map(|group| group.name), meant, "{typed}");
        }
    }
}
