//! Files made for one test: universal files, and slices of nothing but load commands.

/// Any number as four bytes of the byte order that a file has.
type Word = fn(u32) -> [u8; 4];

/// A universal file of these slices, each at a multiple of 2^14 bytes as `lipo` places ARM64.
pub(crate) fn universal(magic: u32, slices: &[&[u8]]) -> Vec<u8> {
    let record = if magic == 0xcafe_babf { 32 } else { 20 };
    let mut header = [magic.to_be_bytes(), (slices.len() as u32).to_be_bytes()].concat();
    let mut body = Vec::new();
    let headers_size = 8 + slices.len() * record;
    for slice in slices {
        let start = (headers_size + body.len()).next_multiple_of(1 << 14);
        body.resize(start - headers_size, 0);
        body.extend_from_slice(slice);
        let cpu = |at: usize| u32::from_le_bytes(slice[at..at + 4].try_into().unwrap());
        let cpu = if slice.starts_with(b"!<arch>\n") { (7, 3) } else { (cpu(4), cpu(8)) };
        header.extend([cpu.0.to_be_bytes(), cpu.1.to_be_bytes()].concat());
        if record == 32 {
            header.extend((start as u64).to_be_bytes());
            header.extend((slice.len() as u64).to_be_bytes());
            header.extend([14_u32.to_be_bytes(), [0; 4]].concat());
        } else {
            for number in [start, slice.len(), 14] {
                header.extend((number as u32).to_be_bytes());
            }
        }
    }
    [header, body].concat()
}

/// A 64-bit ARM64 library that is nothing but these load commands.
pub(crate) fn commands_64(commands: &[Vec<u8>]) -> Vec<u8> {
    let header = [0xfeed_facf, 0x0100_000c, 0, 6, commands.len() as u32];
    slice(u32::to_le_bytes, &header, 2, commands)
}

/// A 32-bit big-endian PowerPC library that is nothing but these load commands.
pub(crate) fn commands_32_big(commands: &[Vec<u8>]) -> Vec<u8> {
    slice(u32::to_be_bytes, &[0xfeed_face, 18, 0, 6, commands.len() as u32], 1, commands)
}

fn slice(word: Word, header: &[u32], after_size: usize, commands: &[Vec<u8>]) -> Vec<u8> {
    let commands = commands.concat();
    let mut bytes: Vec<u8> = header.iter().flat_map(|&number| word(number)).collect();
    bytes.extend(word(commands.len() as u32));
    bytes.extend(vec![0; 4 * after_size]);
    bytes.extend(commands);
    bytes
}

/// A load command of these words and, behind them, this text.
pub(crate) fn command(word: Word, number: u32, words: &[u32], text: &str) -> Vec<u8> {
    let mut body: Vec<u8> = words.iter().flat_map(|&number| word(number)).collect();
    body.extend(text.as_bytes());
    if !text.is_empty() {
        body.resize((body.len() + 1).next_multiple_of(8), 0);
    }
    [word(number).to_vec(), word(body.len() as u32 + 8).to_vec(), body].concat()
}

/// A command that names a library, in the old form.
pub(crate) fn dylib(number: u32, name: &str) -> Vec<u8> {
    command(u32::to_le_bytes, number, &[24, 2, 0x0001_0203, 0x0001_0000], name)
}
