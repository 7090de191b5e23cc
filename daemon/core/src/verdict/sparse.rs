//! Rows of which most say nothing: only those that do are written, each behind its distance from the one before. Distances
//! are Rice coded (R. F. Rice, JPL 79-22, 1979), for they are geometrically distributed; rows take fifteen bits.

/// Bits of a row.
const ROW_BITS: u32 = 15;
/// Low bits of a distance that are written as they are; what is above them is counted. Best where every fifth row is written.
const LOW_BITS: u32 = 2;

/// Writes the rows that are not `silent`: how many, then their bits, lowest first.
pub fn write(rows: &[u16], silent: u16) -> Vec<u8> {
    let mut out = Bits::default();
    let (mut written, mut distance) = (0u32, 0u32);
    for &row in rows {
        if row == silent {
            distance += 1;
            continue;
        }
        (0..distance >> LOW_BITS).for_each(|_| out.push(1, 1));
        out.push(0, 1);
        out.push(distance & ((1 << LOW_BITS) - 1), LOW_BITS);
        out.push(u32::from(row), ROW_BITS);
        (written, distance) = (written + 1, 0);
    }
    let mut bytes = written.to_le_bytes().to_vec();
    bytes.extend(out.finish());
    bytes
}

/// Reads what [`write`] wrote into `count` rows; `None` if it is cut short, longer, or reaches further than that.
pub fn read(bytes: &[u8], count: usize, silent: u16) -> Option<Vec<u16>> {
    let (written, bits) = bytes.split_first_chunk::<4>()?;
    let mut bits = Taken { bytes: bits, held: 0, filled: 0 };
    let mut rows = vec![silent; count];
    let mut at = 0usize;
    for _ in 0..u32::from_le_bytes(*written) {
        while bits.take(1)? == 1 {
            at += 1 << LOW_BITS;
        }
        at += bits.take(LOW_BITS)? as usize;
        *rows.get_mut(at)? = bits.take(ROW_BITS)? as u16;
        at += 1;
    }
    bits.bytes.is_empty().then_some(rows)
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    filled: u32,
}

impl Bits {
    fn push(&mut self, value: u32, width: u32) {
        self.held |= u64::from(value) << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.bytes.push(self.held as u8);
            (self.held, self.filled) = (self.held >> 8, self.filled - 8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.held as u8);
        }
        self.bytes
    }
}

struct Taken<'b> {
    bytes: &'b [u8],
    held: u64,
    filled: u32,
}

impl Taken<'_> {
    fn take(&mut self, width: u32) -> Option<u32> {
        while self.filled < width {
            let (&first, rest) = self.bytes.split_first()?;
            self.held |= u64::from(first) << self.filled;
            (self.bytes, self.filled) = (rest, self.filled + 8);
        }
        let value = self.held & ((1 << width) - 1);
        (self.held, self.filled) = (self.held >> width, self.filled - width);
        Some(value as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: u16 = 0x4210;

    #[test]
    fn a_file_that_is_no_file_is_refused() {
        let bytes = write(&[SILENT, 7, SILENT, SILENT, SILENT, 0x7fff], SILENT);
        assert!(read(&bytes, 6, SILENT).is_some());
        assert_eq!(read(&bytes, 5, SILENT), None, "reaches further");
        assert_eq!(read(&bytes[..bytes.len() - 1], 6, SILENT), None, "cut short");
        assert_eq!(read(&[&bytes[..], &[0]].concat(), 6, SILENT), None, "longer");
        assert_eq!(read(&bytes[..3], 6, SILENT), None);
    }

    proptest::proptest! {
        #[test]
        fn rows_come_back(rows in proptest::collection::vec(proptest::prop_oneof![4 => proptest::strategy::Just(SILENT), 1 => 0u16..0x8000], 0..300)) {
            proptest::prop_assert_eq!(read(&write(&rows, SILENT), rows.len(), SILENT), Some(rows));
        }
    }
}
