//! Universal files: the header, its records, and one slice for each CPU.
//!
//! `<mach-o/fat.h>`: a big-endian header `FAT_MAGIC` or `FAT_MAGIC_64`, then one record for each CPU with the
//! offset, size and alignment of its slice. A thin file is treated as one slice that fills the file.
//! A slice may be a static archive (`!<arch>`), which no loader reads: it keeps its record, and is no [`Slice`].

use object::macho as m;

use crate::error::{ErrorKind, Result};
use crate::read::Slice;
use crate::window::Window;

/// The version numbers of Java class files, which share `FAT_MAGIC`, start at 45 and stand where `nfat_arch`
/// does. No universal file comes near: lipo allows a CPU once, and there are fewer than twenty.
const FIRST_JAVA_VERSION: u32 = 45;

/// `align` is a power of two; the largest page size in use is 2^14, and 2^31 is what lipo can write.
const MAX_ALIGN: u32 = 31;

/// What surrounds the slices of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Nothing: the file is one slice.
    Thin,
    /// A universal file with 32-bit offsets, `FAT_MAGIC`.
    Fat,
    /// A universal file with 64-bit offsets, `FAT_MAGIC_64`.
    Fat64,
}

/// One record of the universal header, as it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FatArch {
    /// `cputype`.
    pub cpu_type: u32,
    /// `cpusubtype`, capability bits included.
    pub cpu_subtype: u32,
    /// Where the slice starts, in bytes from the start of the file.
    pub offset: u64,
    /// The slice's size in bytes.
    pub size: u64,
    /// The power of two that `offset` is a multiple of.
    pub align: u32,
}

/// A Mach-O file, thin or universal.
#[derive(Debug, Clone)]
pub struct MachO<'a> {
    container: Container,
    arches: Vec<FatArch>,
    slices: Vec<Slice<'a>>,
    window: Window<'a>,
}

/// Whether a file starts as Mach-O files do, thin or universal, of any CPU and byte order.
///
/// Java class files start with the universal magic number too; they are told apart by their version number.
/// A damaged Mach-O file is one, too, so that [`MachO::parse`] can say what is wrong with it.
#[must_use]
pub fn is_macho(bytes: &[u8]) -> bool {
    let window = Window::new(bytes);
    if window.read::<m::FatHeader>(0, "universal header").is_ok() && container(window).is_some() {
        return true;
    }
    bytes.first_chunk().is_some_and(|&magic| is_thin(magic))
}

fn is_thin(magic: [u8; 4]) -> bool {
    let big = u32::from_be_bytes(magic);
    let little = u32::from_le_bytes(magic);
    [big, little].iter().any(|&magic| magic == m::MH_MAGIC || magic == m::MH_MAGIC_64)
}

/// The kind of universal file that starts here, and how many records it has.
fn container(window: Window<'_>) -> Option<(Container, u32)> {
    let header = window.read::<m::FatHeader>(0, "universal header").ok()?;
    let count = header.nfat_arch.get(object::BigEndian);
    match header.magic.get(object::BigEndian) {
        m::FAT_MAGIC if count < FIRST_JAVA_VERSION => Some((Container::Fat, count)),
        m::FAT_MAGIC_64 if count < FIRST_JAVA_VERSION => Some((Container::Fat64, count)),
        _ => None,
    }
}

impl<'a> MachO<'a> {
    /// Reads the headers and load commands of every slice.
    ///
    /// # Errors
    ///
    /// When the file is no Mach-O file, when a header, load command, segment or table does not lie where the
    /// file says, or when slices overlap or are for another CPU than the universal header says.
    pub fn parse(bytes: &'a [u8]) -> Result<MachO<'a>> {
        let file = Window::new(bytes);
        match container(file) {
            Some((container, count)) => Self::parse_fat(file, container, count),
            None if bytes.first_chunk().is_some_and(|&magic| is_thin(magic)) => {
                let slice = Slice::parse(file, 0, 0)?;
                let arch = FatArch {
                    cpu_type: slice.cpu_type,
                    cpu_subtype: slice.cpu_subtype,
                    offset: 0,
                    size: slice.size,
                    align: 0,
                };
                Ok(MachO {
                    container: Container::Thin,
                    arches: vec![arch],
                    slices: vec![slice],
                    window: file,
                })
            }
            None => Err(ErrorKind::NotMachO.into()),
        }
    }

    fn parse_fat(file: Window<'a>, container: Container, count: u32) -> Result<MachO<'a>> {
        if count == 0 {
            return Err(ErrorKind::SliceCount { count }.into());
        }
        let (arches, headers_end) = read_arches(file, container, count)?;
        check_overlaps(&arches, headers_end)?;

        let mut slices = Vec::with_capacity(arches.len());
        for arch in &arches {
            let part = file.part(arch.offset, arch.size, "slice")?;
            if part.bytes().starts_with(b"!<arch>\n") {
                continue;
            }
            let slice = Slice::parse(part, arch.offset, arch.align)?;
            if slice.cpu_type != arch.cpu_type {
                let (outer, inner) = (arch.cpu_type, slice.cpu_type);
                return Err(ErrorKind::CpuMismatch { offset: arch.offset, outer, inner }.into());
            }
            slices.push(slice);
        }
        Ok(MachO { container, arches, slices, window: file })
    }

    /// What surrounds the slices.
    #[must_use]
    pub fn container(&self) -> Container {
        self.container
    }

    /// The records of the universal header, in its order; for a thin file one that describes it.
    /// Static archives have a record here and no slice.
    #[must_use]
    pub fn arches(&self) -> &[FatArch] {
        &self.arches
    }

    /// The bytes of a record of this file.
    pub(crate) fn content(&self, arch: &FatArch) -> Result<&'a [u8]> {
        Ok(self.window.part(arch.offset, arch.size, "slice")?.bytes())
    }

    /// The slices in the order of the universal header; exactly one for a thin file.
    #[must_use]
    pub fn slices(&self) -> &[Slice<'a>] {
        &self.slices
    }
}

fn read_arches(file: Window<'_>, container: Container, count: u32) -> Result<(Vec<FatArch>, u64)> {
    let mut offset = size_of::<m::FatHeader>() as u64;
    let mut arches = Vec::new();
    for _ in 0..count {
        let (arch, size) = match container {
            Container::Fat64 => {
                let raw: &m::FatArch64 = file.read(offset, "slice record")?;
                let (start, size) =
                    (raw.offset.get(object::BigEndian), raw.size.get(object::BigEndian));
                (fat_arch(raw.cputype, raw.cpusubtype, raw.align, (start, size)), size_of_val(raw))
            }
            Container::Fat | Container::Thin => {
                let raw: &m::FatArch32 = file.read(offset, "slice record")?;
                let (start, size) =
                    (raw.offset.get(object::BigEndian), raw.size.get(object::BigEndian));
                let place = (u64::from(start), u64::from(size));
                (fat_arch(raw.cputype, raw.cpusubtype, raw.align, place), size_of_val(raw))
            }
        };
        if arch.align > MAX_ALIGN {
            return Err(ErrorKind::SliceAlignment { offset, align: arch.align }.into());
        }
        arches.push(arch);
        offset = offset.saturating_add(size as u64);
    }
    Ok((arches, offset))
}

type Big<T> = object::U32<object::BigEndian, T>;

fn fat_arch(
    cpu_type: Big<m::CpuType>,
    cpu_subtype: Big<m::CpuSubtype>,
    align: Big<u32>,
    (offset, size): (u64, u64),
) -> FatArch {
    let big = object::BigEndian;
    FatArch {
        cpu_type: cpu_type.get(big).0,
        cpu_subtype: cpu_subtype.get(big).0,
        offset,
        size,
        align: align.get(big),
    }
}

/// Slices must not share bytes, with each other or with the header: an edit of one would change the other.
fn check_overlaps(arches: &[FatArch], headers_end: u64) -> Result<()> {
    let mut places: Vec<_> = arches.iter().map(|arch| (arch.offset, arch.size)).collect();
    places.sort_unstable();
    let mut free = headers_end;
    for (offset, size) in places {
        if offset < free {
            return Err(ErrorKind::SlicesOverlap { offset, free }.into());
        }
        free = offset.saturating_add(size);
    }
    Ok(())
}
