//! Signatures: read, compared with the code, and made anew as codesign makes them.

use truewheel_macho::{HashType, MachO, Note, Slice, patch, sign};

use crate::edits::edits;

/// The signature's place in a thin file.
fn place(bytes: &[u8]) -> std::ops::Range<usize> {
    let place = MachO::parse(bytes).unwrap().slices()[0].code_signature().unwrap();
    place.start as usize..place.end as usize
}

fn faults(bytes: &[u8]) -> Vec<String> {
    let macho = MachO::parse(bytes).unwrap();
    let faults = |slice: &Slice<'_>| slice.signature().unwrap().unwrap().faults(slice);
    macho.slices().iter().flat_map(faults).map(|fault| fault.to_string()).collect()
}

fn signed(file: &str) -> Vec<u8> {
    let bytes = crate::file(file);
    sign(bytes, file).unwrap().apply(bytes)
}

/// Big-endian numbers, one behind the other.
fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn the_linkers_signature_is_read() {
    let bytes = crate::file("module.arm64.so");
    let macho = MachO::parse(bytes).unwrap();
    let slice = &macho.slices()[0];
    let signature = slice.signature().unwrap().unwrap();
    assert!(signature.is_linker_signed() && signature.is_ad_hoc());
    assert!(signature.cms().is_none() && signature.entitlements().is_none());
    let [directory] = signature.directories() else { panic!("one directory") };
    assert_eq!((directory.version, directory.flags), (0x20400, 0x20002));
    assert_eq!((directory.hash_type, directory.page_shift), (HashType::Sha256, 12));
    assert_eq!(directory.identifier, "module.so");
    assert_eq!(directory.code_limit, slice.code_signature().unwrap().start);
    assert_eq!(faults(bytes), [""; 0]);
    assert!(
        MachO::parse(crate::file("module.x86_64.so")).unwrap().slices()[0]
            .signature()
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_signature_is_what_codesign_writes() {
    for (file, hash_types, identifier) in [
        ("module.arm64.so", &[HashType::Sha256][..], "module.arm64"),
        ("tight.arm64.so", &[HashType::Sha256], "tight.arm64"),
        ("tight.x86_64.so", &[HashType::Sha256], "tight.x86_64"),
        ("libpassed.arm64.dylib", &[HashType::Sha1, HashType::Sha256], "libpassed.arm64"),
        ("libpassed.x86_64.dylib", &[HashType::Sha1, HashType::Sha256], "libpassed.x86_64"),
    ] {
        let Ok(patch) = sign(crate::file(file), file) else {
            assert!(file.starts_with("tight.arm64"), "{file}");
            continue;
        };
        let bytes = patch.apply(crate::file(file));
        let macho = MachO::parse(&bytes).unwrap();
        let slice = &macho.slices()[0];
        let signature = slice.signature().unwrap().unwrap();
        let slots: Vec<u32> = signature.blobs().iter().map(|blob| blob.slot).collect();
        let expected = [0, 2, 0x1000, 0x10000];
        let expected = expected.into_iter().filter(|&slot| slot != 0x1000 || hash_types.len() == 2);
        assert_eq!(slots, expected.collect::<Vec<_>>(), "{file}");
        for (directory, hash_type) in signature.directories().iter().zip(hash_types) {
            assert_eq!((directory.version, directory.flags), (0x20400, 2));
            assert_eq!((directory.hash_type, directory.page_shift), (*hash_type, 12));
            assert_eq!((directory.identifier, directory.special_slots), (identifier, 2));
        }
        let blobs: usize = signature.blobs().iter().map(|blob| blob.bytes.len() + 8).sum();
        let more = 12 + 18_000 + 8 * (hash_types.len() - 1);
        assert_eq!(place(&bytes).len(), (blobs + more).next_multiple_of(16), "{file}");
        assert_eq!((faults(&bytes), place(&bytes).start % 16), (vec![], 0), "{file}");
        assert!(sign(&bytes, file).unwrap().is_empty(), "{file} signed again");
    }
}

#[test]
fn requirements_have_the_hash_that_every_ad_hoc_signature_has() {
    let bytes = signed("module.arm64.so");
    let macho = MachO::parse(&bytes).unwrap();
    let signature = macho.slices()[0].signature().unwrap().unwrap();
    let hash = signature.directories()[0].special_hash(2).unwrap();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, "987920904eab650e75788c054aa0b0524e6a80bfc71aa32df8d237a61743f986");
    assert_eq!(signature.directories()[0].special_hash(1), None);
    assert_eq!(signature.directories()[0].special_hash(0), None);
}

#[test]
fn a_name_without_a_dot_gets_the_uuid_of_the_slice_that_macs_of_today_run() {
    let (intel, arm) =
        (crate::file("libneeded.x86_64.dylib"), crate::file("libneeded.arm64.dylib"));
    let both = truewheel_macho::merge(&[intel, arm]).unwrap();
    let both = sign(&both, "libneeded.dylib").unwrap().apply(&both);
    let macho = MachO::parse(&both).unwrap();
    let uuid = macho.slices()[1].uuid().unwrap();
    let uuid: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    for slice in macho.slices() {
        let signature = slice.signature().unwrap().unwrap();
        let identifier = signature.directories()[0].identifier;
        assert_eq!(identifier, format!("libneeded-55554944{uuid}"));
    }
    assert_eq!(faults(&both), [""; 0]);
}

#[test]
fn a_file_that_must_be_signed_is_after_an_edit() {
    let wish = edits(&[], Some(&["@loader_path"]));
    for (file, is_signed) in
        [("module.x86_64.so", false), ("module.arm64.so", true), ("tight.x86_64.so", true)]
    {
        let bytes = crate::file(file);
        let new = patch(bytes, &wish).unwrap().apply(bytes);
        let macho = MachO::parse(&new).unwrap();
        let signature = macho.slices()[0].signature().unwrap();
        assert_eq!(signature.is_some(), is_signed, "{file}");
        if let Some(signature) = signature {
            assert!(!signature.is_linker_signed(), "{file}");
            assert_eq!(signature.directories()[0].identifier, "module.cpython-311-darwin");
            assert_eq!(faults(&new), [""; 0], "{file}");
        }
    }
    // The first signature of a file needs a load command of its own: the rpath makes room for it.
    let bytes = crate::file("tight.arm64.so");
    let new = patch(bytes, &edits(&[], Some(&[]))).unwrap().apply(bytes);
    assert_eq!(faults(&new), [""; 0]);
    goblin::mach::MachO::parse(&new, 0).unwrap();
}

#[test]
fn every_changed_byte_of_the_code_is_a_fault() {
    let good = signed("libpassed.x86_64.dylib");
    let end = place(&good).start;
    for at in (0x800..end).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let Ok(macho) = MachO::parse(&bytes) else { continue };
        let slice = &macho.slices()[0];
        let found = slice.signature().unwrap().unwrap().faults(slice);
        let page = at / 4096 * 4096;
        let expected: Vec<String> = [HashType::Sha1, HashType::Sha256]
            .iter()
            .map(|hash| format!("the page at offset {page:#x} is not the signed one ({hash:?})"))
            .collect();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "offset {at:#x}");
    }
}

#[test]
fn a_signature_that_does_not_fit_its_code_is_a_fault() {
    let good = signed("module.arm64.so");
    let start = place(&good).start;
    let directory = start + 12 + 3 * 8;
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        faults(&bytes)
    };
    let limit = start as u32;
    let short = with(directory + 32, limit - 4096);
    assert_eq!(
        short[0],
        format!("the signature at offset {start:#x} covers {:#x} bytes", start - 4096)
    );
    let pages = limit.div_ceil(4096);
    assert_eq!(
        with(directory + 28, pages - 1),
        [format!("the signature has hashes of {} pages, there are {pages}", pages - 1)]
    );
    let mut longer = good.clone();
    longer.extend([0; 16]);
    let expected = format!(
        "the signature ends at offset {:#x} of {:#x}, it must be last",
        good.len(),
        longer.len()
    );
    assert_eq!(faults(&longer), [expected]);
    // The empty set of requirements says that it has an entry.
    let signature_of = |bytes: &[u8]| {
        let macho = MachO::parse(bytes).unwrap();
        let blob = macho.slices()[0].signature().unwrap().unwrap().blob(2).unwrap();
        blob.bytes.as_ptr() as usize - bytes.as_ptr() as usize
    };
    let at = signature_of(&good) + 8;
    assert_eq!(with(at, 1), ["slot 2 of the signature is not the signed one (Sha256)"]);
}

#[test]
fn damaged_signatures_are_refused_with_their_place() {
    let good = signed("module.arm64.so");
    let start = place(&good).start;
    let directory = start + 12 + 3 * 8;
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        let macho = MachO::parse(&bytes).unwrap();
        macho.slices()[0].signature().map(|_| ()).unwrap_err().to_string()
    };
    let blob = format!("of the signature blob at offset {start:#x}");
    let inner = format!("of the signature blob at offset {directory:#x}");
    for (at, value, expected) in [
        (start, 1, format!("code signature at offset {start:#x} starts with 0x00000001")),
        (directory, 2, format!("code directory at offset {directory:#x} starts with 0x00000002")),
        (start + 8, 0, format!("number of code directories {blob} cannot be 0")),
        (start + 20, 0, format!("slot {blob} cannot be 0")),
        (directory + 24, 99, format!("nSpecialSlots {inner} cannot be 99")),
        (directory + 36, 0x2009_000c, format!("hashType {inner} cannot be 9")),
        (directory + 36, 0x1402_000c, format!("hashSize {inner} cannot be 20")),
        (directory + 36, 0x2002_0020, format!("pageSize {inner} cannot be 32")),
    ] {
        assert_eq!(with(at, value), expected);
    }
    assert!(with(directory + 28, 0x00ff_ffff).starts_with("page hashes at offset"));
    assert!(with(directory + 20, 0x00ff_ffff).starts_with("identifier at offset"));
    assert!(with(start + 4, 0x00ff_ffff).starts_with("code signature at offset"));
    assert!(with(start + 16, 0x00ff_ffff).starts_with("signature blob at offset"));
}

/// A file whose signature has these blobs besides its code directory, whose flags are these.
fn with_blobs(flags: u32, blobs: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = signed("module.arm64.so");
    let place = place(&bytes);
    let old = bytes[place.clone()].to_vec();
    let directory_at = 12 + 3 * 8;
    let length = u32::from_be_bytes(old[directory_at + 4..directory_at + 8].try_into().unwrap());
    let mut directory = old[directory_at..directory_at + length as usize].to_vec();
    directory[12..16].copy_from_slice(&flags.to_be_bytes());
    let mut all = vec![(0, directory)];
    all.extend_from_slice(blobs);
    let mut offset = 12 + 8 * all.len() as u32;
    let mut index = Vec::new();
    for (slot, blob) in &all {
        index.extend(words(&[*slot, offset]));
        offset += blob.len() as u32;
    }
    let mut signature = words(&[0xfade_0cc0, offset, all.len() as u32]);
    signature.extend(index);
    signature.extend(all.into_iter().flat_map(|(_, blob)| blob));
    signature.resize(place.len(), 0);
    bytes[place].copy_from_slice(&signature);
    bytes
}

#[test]
fn a_signature_with_a_certificate_is_not_lost_in_silence() {
    let cms = [words(&[0xfade_0b01, 12]), vec![1, 2, 3, 4]].concat();
    let bytes = with_blobs(0x1_0000, &[(0x10000, cms)]);
    let macho = MachO::parse(&bytes).unwrap();
    let signature = macho.slices()[0].signature().unwrap().unwrap();
    assert!(!signature.is_ad_hoc());
    assert_eq!(signature.cms(), Some(&[1, 2, 3, 4][..]));
    let wish = edits(&[], Some(&[]));
    let lost = Note::SignatureLost {
        architecture: "arm64",
        identifier: "module.arm64".to_owned(),
        team: None,
    };
    let expected = [lost, Note::RuntimeLost { architecture: "arm64" }];
    assert_eq!(patch(&bytes, &wish).unwrap().notes, expected);
    assert_eq!(patch(crate::file("module.arm64.so"), &wish).unwrap().notes, []);
}

#[test]
fn a_signature_that_cannot_be_read_is_replaced_and_told() {
    let mut bytes = signed("module.arm64.so");
    let start = place(&bytes).start;
    bytes[start] = 0;
    let set = patch(&bytes, &edits(&[], Some(&[]))).unwrap();
    let reason = format!("code signature at offset {start:#x} starts with 0x00de0cc0");
    assert_eq!(set.notes, [Note::SignatureUnreadable { architecture: "arm64", reason }]);
    assert_eq!(faults(&set.apply(&bytes)), [""; 0]);
}

#[test]
fn entitlements_are_kept_and_hashed() {
    let xml = [words(&[0xfade_7171, 8 + 7]), b"<plist>".to_vec()].concat();
    let der = [words(&[0xfade_7172, 8 + 2]), vec![0x31, 0]].concat();
    let bytes = with_blobs(2, &[(5, xml), (7, der)]);
    let new = patch(&bytes, &edits(&[], Some(&[]))).unwrap().apply(&bytes);
    let macho = MachO::parse(&new).unwrap();
    let signature = macho.slices()[0].signature().unwrap().unwrap();
    assert_eq!(signature.entitlements(), Some(&b"<plist>"[..]));
    assert_eq!(signature.directories()[0].special_slots, 7);
    assert!(signature.directories()[0].special_hash(7).is_some());
    let slots: Vec<u32> = signature.blobs().iter().map(|blob| blob.slot).collect();
    assert_eq!((slots, faults(&new)), (vec![0, 2, 5, 7, 0x10000], vec![]));
}

#[test]
fn what_a_bundle_seals_beside_the_binary_is_kept() {
    let mut bytes = signed("module.arm64.so");
    let directory = place(&bytes).start + 12 + 3 * 8;
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    // Slot 1, the Info.plist of the bundle, is the last before the pages.
    let end = directory + word(directory + 16);
    bytes[end - 32..end].fill(7);
    let new = patch(&bytes, &edits(&[], Some(&[]))).unwrap().apply(&bytes);
    let macho = MachO::parse(&new).unwrap();
    let signature = macho.slices()[0].signature().unwrap().unwrap();
    let [directory] = signature.directories() else { panic!("one directory") };
    assert_eq!(directory.special_hash(1), Some(&[7; 32][..]));
    assert_eq!(directory.identifier, "module.arm64", "the bundle's name, not the file's");
    assert_eq!(faults(&new), [""; 0]);
}

#[test]
fn a_file_whose_signature_is_not_last_is_refused() {
    let mut bytes = signed("module.arm64.so");
    bytes.extend([0; 32]);
    let error = patch(&bytes, &edits(&[], Some(&[]))).unwrap_err().to_string();
    assert_eq!(error, "arm64 cannot be edited: __LINKEDIT is not the last thing in it");
}
