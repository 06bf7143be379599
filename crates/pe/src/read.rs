//! One PE file: what its headers say, and the way to each of its tables.
//!
//! "PE Format": the DOS header's `e_lfanew` leads to `PE\0\0`, the file header, the optional header and the section
//! table, which starts where `SizeOfOptionalHeader` says. Parsing reads these and no more; a table that a data
//! directory points at is read by the method that asks for it.

use object::LittleEndian as LE;
use object::pe as p;

use crate::budget::Budget;
use crate::debug::DebugEntry;
use crate::error::{ErrorKind, Result};
use crate::header::{Optional, PeKind, read_directories, read_optional};
use crate::place::optional::CHECK_SUM;
use crate::section::{Image, Section};
use crate::window::Window;
use crate::{
    BoundImport, Exports, Import, LoadConfig, Overlay, VersionInfo, bound, checksum, debug, export,
    import, load_config, managed, overlay, packer, resource,
};

/// A PE file: a DLL, a Python extension (`.pyd`) or a program.
#[derive(Debug, Clone)]
pub struct Pe<'a> {
    pub(crate) image: Image<'a>,
    pub(crate) optional: Optional,
    pub(crate) optional_offset: u64,
    machine: u16,
    characteristics: u16,
    pub(crate) directories: Vec<(u32, u32)>,
    coff_symbols: Option<(u64, u64)>,
    certificates: Option<(u64, u64)>,
    chpe_metadata: bool,
}

/// Whether a file starts as PE files do. A DOS program (`MZ` without a `PE` signature) does not.
#[must_use]
pub fn is_pe(bytes: &[u8]) -> bool {
    file_header_offset(Window::new(bytes)).is_ok()
}

/// Where the file header starts, behind the signature.
fn file_header_offset(file: Window<'_>) -> Result<u64> {
    let dos: &p::ImageDosHeader = file.read(0, "DOS header").map_err(|_| ErrorKind::NotPe)?;
    let offset = u64::from(dos.e_lfanew.get(LE));
    let signature = file.part(offset, 4, "signature").map_err(|_| ErrorKind::NotPe)?;
    if dos.e_magic.get(LE) != p::IMAGE_DOS_SIGNATURE || signature != b"PE\0\0" {
        return Err(ErrorKind::NotPe.into());
    }
    Ok(offset.saturating_add(4))
}

impl<'a> Pe<'a> {
    /// Reads the headers and the section table, and checks that sections, COFF symbols and certificates lie in
    /// the file.
    ///
    /// # Errors
    ///
    /// When the file is no PE file, when one of these runs past its end, or when its sections are not in the
    /// order the loader asks for.
    pub fn parse(bytes: &'a [u8]) -> Result<Pe<'a>> {
        let file = Window::new(bytes);
        let offset = file_header_offset(file)?;
        let header: &p::ImageFileHeader = file.read(offset, "file header")?;
        let optional_offset = offset.saturating_add(size_of_val(header) as u64);
        let optional_size = header.size_of_optional_header.get(LE);
        let optional = read_optional(file, optional_offset, optional_size)?;
        let directories = read_directories(file, optional_offset, optional_size, &optional)?;

        let mut image = Image {
            file,
            size_of_headers: optional.size_of_headers,
            section_alignment: optional.section_alignment,
            sections: Vec::new(),
        };
        let sections_offset = optional_offset.saturating_add(u64::from(optional_size));
        image.read_sections(sections_offset, header.number_of_sections.get(LE))?;

        let mut pe = Pe {
            coff_symbols: overlay::coff_symbols(file, header)?,
            image,
            optional,
            optional_offset,
            machine: header.machine.get(LE).0,
            characteristics: header.characteristics.get(LE).0,
            directories,
            certificates: None,
            chpe_metadata: false,
        };
        pe.certificates =
            overlay::certificates(file, pe.raw_directory(p::IMAGE_DIRECTORY_ENTRY_SECURITY))?;
        // Which machine a file is for depends on it, so it cannot wait until it is asked for.
        pe.chpe_metadata =
            pe.load_config()?.is_some_and(|config| config.chpe_metadata_pointer != 0);
        Ok(pe)
    }

    /// `Machine`, `IMAGE_FILE_MACHINE_*`.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.machine
    }

    /// The name of the machine: `x86`, `x64`, `arm64`, `arm`; `arm64ec` for code that says it is x64 and runs on
    /// ARM64 only; `arm64x` for a file that is both; `unknown` for any other.
    ///
    /// An ARM64EC file has the machine of x64 and "compiled hybrid PE" metadata in its load configuration, and
    /// ARM64X the machine of ARM64 and the same metadata.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        match (p::Machine(self.machine), self.chpe_metadata) {
            (p::IMAGE_FILE_MACHINE_I386, _) => "x86",
            (p::IMAGE_FILE_MACHINE_AMD64, false) => "x64",
            (p::IMAGE_FILE_MACHINE_AMD64, true) => "arm64ec",
            (p::IMAGE_FILE_MACHINE_ARM64, false) => "arm64",
            (p::IMAGE_FILE_MACHINE_ARM64, true) => "arm64x",
            (p::IMAGE_FILE_MACHINE_ARM64EC, _) => "arm64ec",
            (p::IMAGE_FILE_MACHINE_ARM64X, _) => "arm64x",
            (p::IMAGE_FILE_MACHINE_ARMNT, _) => "arm",
            _ => "unknown",
        }
    }

    /// PE32 or PE32+.
    #[must_use]
    pub fn kind(&self) -> PeKind {
        self.optional.kind
    }

    /// Whether the file is a DLL (`IMAGE_FILE_DLL`) and no program.
    #[must_use]
    pub fn is_dll(&self) -> bool {
        self.characteristics & p::IMAGE_FILE_DLL.0 != 0
    }

    /// `Characteristics` of the file header, `IMAGE_FILE_*`.
    #[must_use]
    pub fn characteristics(&self) -> u16 {
        self.characteristics
    }

    /// `DllCharacteristics`, `IMAGE_DLLCHARACTERISTICS_*`; `0x80` is `FORCE_INTEGRITY`, which an edited file
    /// must not keep.
    #[must_use]
    pub fn dll_characteristics(&self) -> u16 {
        self.optional.dll_characteristics
    }

    /// The sections, in the order of their addresses.
    #[must_use]
    pub fn sections(&self) -> &[Section<'a>] {
        &self.image.sections
    }

    /// `MajorLinkerVersion` and `MinorLinkerVersion`: 14.x is Microsoft's or LLD, 2.x GNU ld.
    #[must_use]
    pub fn linker_version(&self) -> (u8, u8) {
        self.optional.linker_version
    }

    /// The oldest Windows the file asks for, `MajorOperatingSystemVersion` and its minor.
    #[must_use]
    pub fn os_version(&self) -> (u16, u16) {
        self.optional.os_version
    }

    /// The oldest Windows the loader accepts for the file, `MajorSubsystemVersion` and its minor.
    #[must_use]
    pub fn subsystem_version(&self) -> (u16, u16) {
        self.optional.subsystem_version
    }

    /// `Subsystem`, `IMAGE_SUBSYSTEM_*`.
    #[must_use]
    pub fn subsystem(&self) -> u16 {
        self.optional.subsystem
    }

    /// The address the image was linked for.
    #[must_use]
    pub fn image_base(&self) -> u64 {
        self.optional.image_base
    }

    /// `SectionAlignment`, in bytes; below 4096 the file is mapped as it stands.
    #[must_use]
    pub fn section_alignment(&self) -> u32 {
        self.optional.section_alignment
    }

    /// `FileAlignment`, in bytes.
    #[must_use]
    pub fn file_alignment(&self) -> u32 {
        self.optional.file_alignment
    }

    /// `SizeOfImage`, in bytes.
    #[must_use]
    pub fn size_of_image(&self) -> u32 {
        self.optional.size_of_image
    }

    /// `SizeOfHeaders`, in bytes.
    #[must_use]
    pub fn size_of_headers(&self) -> u32 {
        self.optional.size_of_headers
    }

    /// The stored `CheckSum`; 0 where the linker wrote none.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.optional.check_sum
    }

    /// The `CheckSum` the file should have.
    #[must_use]
    pub fn computed_checksum(&self) -> u32 {
        checksum::compute(self.bytes(), self.optional_field(CHECK_SUM))
    }

    /// The RVA and size of a data directory, `IMAGE_DIRECTORY_ENTRY_*`; `None` where it is absent or its address
    /// is 0. The security directory's address is a file offset.
    #[must_use]
    pub fn directory(&self, index: usize) -> Option<(u32, u32)> {
        self.directories.get(index).copied().filter(|&(address, _)| address != 0)
    }

    /// The debug directory.
    pub(crate) fn debug_entries(&self) -> Result<Vec<DebugEntry>> {
        debug::read(&self.image, self.directory(p::IMAGE_DIRECTORY_ENTRY_DEBUG))
    }

    pub(crate) fn raw_directory(&self, index: usize) -> (u32, u32) {
        self.directories.get(index).copied().unwrap_or_default()
    }

    /// The file offset of the byte at an RVA; `None` where memory has no byte of the file.
    #[must_use]
    pub fn file_offset(&self, rva: u32) -> Option<u64> {
        self.image.offset(rva)
    }

    /// The file's own bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.image.file.bytes()
    }

    /// The libraries that must be there when the file is loaded, in the order of the import directory. A library may
    /// come more than once.
    ///
    /// # Errors
    ///
    /// When a descriptor, a name or a lookup table lies outside its section.
    pub fn imports(&self) -> Result<Vec<Import<'a>>> {
        import::imports(&mut self.context(), self.directory(p::IMAGE_DIRECTORY_ENTRY_IMPORT))
    }

    /// The libraries that are loaded at the first call of one of their functions.
    ///
    /// # Errors
    ///
    /// As [`imports`](Self::imports); also when a virtual address of the old form lies below the image base.
    pub fn delay_imports(&self) -> Result<Vec<Import<'a>>> {
        import::delay_imports(
            &mut self.context(),
            self.directory(p::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT),
        )
    }

    /// Whether the addresses of imported symbols were written into the file when it was linked, for one version of
    /// each library: it has a bound import directory, or descriptors with a time stamp.
    ///
    /// # Errors
    ///
    /// When the import directory lies outside its section.
    pub fn has_bound_imports(&self) -> Result<bool> {
        if self.directory(p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT).is_some() {
            return Ok(true);
        }
        let directory = self.directory(p::IMAGE_DIRECTORY_ENTRY_IMPORT);
        import::any_time_stamp(&self.image, directory)
    }

    /// The libraries whose addresses were bound, as the bound import directory has them.
    ///
    /// # Errors
    ///
    /// When a descriptor or a name lies outside its section.
    pub fn bound_imports(&self) -> Result<Vec<BoundImport<'a>>> {
        bound::read(&self.image, self.directory(p::IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT))
    }

    /// Who packed the file, by the names of its sections. The imports of a packed file are its unpacker's, and
    /// cannot be renamed.
    #[must_use]
    pub fn packer(&self) -> Option<&'static str> {
        packer::packer(self.sections())
    }

    /// What the file exports; `None` where it has no export directory.
    ///
    /// # Errors
    ///
    /// When the directory, one of its tables or a name lies outside its section.
    pub fn exports(&self) -> Result<Option<Exports<'a>>> {
        self.directory(p::IMAGE_DIRECTORY_ENTRY_EXPORT)
            .map(|directory| export::read(&self.image, directory))
            .transpose()
    }

    /// What of the load configuration concerns a repair; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When it lies outside its section.
    pub fn load_config(&self) -> Result<Option<LoadConfig>> {
        let directory = self.directory(p::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG);
        load_config::read(&self.image, self.kind(), directory)
    }

    /// The file and product version of the version resource; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the resource tree leads outside its section.
    pub fn version_resource(&self) -> Result<Option<VersionInfo>> {
        resource::version(&self.image, self.directory(p::IMAGE_DIRECTORY_ENTRY_RESOURCE))
    }

    /// Whether the file holds code for .NET (`IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR`), whose strong name an edit
    /// would break.
    #[must_use]
    pub fn is_managed(&self) -> bool {
        self.directory(p::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR).is_some()
    }

    /// Whether that code has a strong name.
    pub(crate) fn has_strong_name(&self) -> Result<bool> {
        let directory = self.directory(p::IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR);
        managed::has_strong_name(&self.image, directory)
    }

    /// Offset and size of the COFF symbols and their string table, which mingw leaves in DLLs.
    #[must_use]
    pub fn coff_symbols(&self) -> Option<(u64, u64)> {
        self.coff_symbols
    }

    /// Offset and size of the Authenticode certificates.
    #[must_use]
    pub fn certificates(&self) -> Option<(u64, u64)> {
        self.certificates
    }

    /// What lies behind the data of the last section, as one piece. Where it is of several kinds, the one that most
    /// forbids to drop it: unknown data before symbols before certificates.
    #[must_use]
    pub fn overlay(&self) -> Option<Overlay> {
        overlay::whole(&self.overlay_parts())
    }

    /// What lies behind the data of the last section, piece by piece.
    #[must_use]
    pub fn overlay_parts(&self) -> Vec<Overlay> {
        let place = (self.data_end(), self.optional.file_alignment);
        overlay::parts(self.image.file, place, self.coff_symbols, self.certificates)
    }

    /// Where the data of the last section ends in the file.
    pub(crate) fn data_end(&self) -> u64 {
        let ends = self.sections().iter().filter_map(Section::raw_end);
        ends.max().unwrap_or(u64::from(self.optional.size_of_headers))
    }

    /// `SizeOfInitializedData`, in bytes.
    pub(crate) fn size_of_initialized_data(&self) -> u32 {
        self.optional.size_of_initialized_data
    }

    fn context(&self) -> import::Context<'_, 'a> {
        import::Context {
            image: &self.image,
            kind: self.optional.kind,
            image_base: self.optional.image_base,
            budget: Budget::new(&self.image),
        }
    }
}
