//! What Windows has itself, as far as plain rules say: the API sets (`api-ms-*`, `ext-ms-*`; "Windows API
//! sets"), and the DLLs of System32 that every edition since Windows 10 has.

/// Whether a DLL, by its name with `.dll` in lower case, is one that Windows has.
pub(crate) fn is_of_windows(library: &str) -> bool {
    if library.starts_with("api-ms-win-") || library.starts_with("ext-ms-win-") {
        return true;
    }
    let name = library.strip_suffix(".dll").unwrap_or(library);
    WINDOWS.binary_search(&name).is_ok()
}

/// Sorted.
const WINDOWS: &[&str] = &[
    "activeds",
    "advapi32",
    "advpack",
    "authz",
    "avicap32",
    "avifil32",
    "avrt",
    "bcrypt",
    "bcryptprimitives",
    "cabinet",
    "cfgmgr32",
    "combase",
    "comctl32",
    "comdlg32",
    "credui",
    "crypt32",
    "cryptbase",
    "cryptdll",
    "cryptnet",
    "cryptui",
    "d2d1",
    "d3d10",
    "d3d10_1",
    "d3d11",
    "d3d12",
    "d3d9",
    "d3dcompiler_47",
    "dbgeng",
    "dbghelp",
    "dcomp",
    "ddraw",
    "dhcpcsvc",
    "dinput8",
    "dnsapi",
    "dsound",
    "dwmapi",
    "dwrite",
    "dxgi",
    "dxva2",
    "evr",
    "fwpuclnt",
    "gdi32",
    "gdi32full",
    "gdiplus",
    "glu32",
    "hid",
    "httpapi",
    "imagehlp",
    "imm32",
    "iphlpapi",
    "kernel32",
    "kernelbase",
    "ktmw32",
    "logoncli",
    "mf",
    "mfplat",
    "mfreadwrite",
    "mpr",
    "msacm32",
    "mscoree",
    "msi",
    "msimg32",
    "msvcp_win",
    "msvcrt",
    "msvfw32",
    "mswsock",
    "ncrypt",
    "ndfapi",
    "netapi32",
    "normaliz",
    "ntdll",
    "ntdsapi",
    "odbc32",
    "ole32",
    "oleacc",
    "oleaut32",
    "opengl32",
    "pdh",
    "powrprof",
    "propsys",
    "psapi",
    "rasapi32",
    "rpcrt4",
    "rstrtmgr",
    "samlib",
    "secur32",
    "sensapi",
    "setupapi",
    "shcore",
    "shell32",
    "shlwapi",
    "sspicli",
    "tdh",
    "ucrtbase",
    "urlmon",
    "user32",
    "userenv",
    "usp10",
    "uxtheme",
    "version",
    "webauthn",
    "wer",
    "wevtapi",
    "win32u",
    "windowscodecs",
    "winhttp",
    "wininet",
    "winmm",
    "winscard",
    "winspool.drv",
    "winsta",
    "wintrust",
    "winusb",
    "wlanapi",
    "wldap32",
    "wldp",
    "ws2_32",
    "wsock32",
    "wtsapi32",
    "xinput1_4",
    "xinput9_1_0",
    "xmllite",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(WINDOWS.is_sorted());
    }

    #[test]
    fn windows_has_its_own_and_nobody_elses() {
        for name in ["kernel32.dll", "api-ms-win-crt-heap-l1-1-0.dll", "ws2_32.dll", "winspool.drv"]
        {
            assert!(is_of_windows(name), "{name}");
        }
        for name in ["msvcp140.dll", "libgcc_s_seh-1.dll", "nvcuda.dll", "vulkan-1.dll"] {
            assert!(!is_of_windows(name), "{name}");
        }
    }
}
