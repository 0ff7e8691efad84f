//! EDIDs put together field by field.

/// Bytes of a block.
pub const BLOCK: usize = 128;

/// A detailed timing, as a descriptor of 18 bytes has it.
#[derive(Clone, Copy)]
pub struct Detailed {
    /// In units of 10 kHz.
    pub clock: u16,
    /// Visible pixels and lines.
    pub visible: (u16, u16),
    /// Blanking in pixels and lines.
    pub blank: (u16, u16),
    /// The last byte: bit 7 is interlacing.
    pub flags: u8,
}

impl Detailed {
    /// A progressive one.
    pub fn new(clock: u16, visible: (u16, u16), blank: (u16, u16)) -> Self {
        Self {
            clock,
            visible,
            blank,
            flags: 0x18,
        }
    }

    /// The same with every other line.
    pub fn interlaced(self) -> Self {
        Self {
            flags: self.flags | 0x80,
            ..self
        }
    }

    pub fn bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..2].copy_from_slice(&self.clock.to_le_bytes());
        let mut pair = |at: usize, visible: u16, blank: u16| {
            let ([visible, visible_high], [blank, blank_high]) =
                (visible.to_le_bytes(), blank.to_le_bytes());
            bytes[at] = visible;
            bytes[at + 1] = blank;
            bytes[at + 2] = visible_high << 4 | blank_high & 0xf;
        };
        pair(2, self.visible.0, self.blank.0);
        pair(5, self.visible.1, self.blank.1);
        bytes[17] = self.flags;
        bytes
    }
}

/// A base block in the making.
#[derive(Clone)]
pub struct Base {
    bytes: [u8; BLOCK],
    descriptors: usize,
    standard: usize,
    extensions: Vec<[u8; BLOCK]>,
    announced: Option<u8>,
}

impl Base {
    /// EDID 1.`revision` without a timing.
    pub fn new(revision: u8) -> Self {
        let mut bytes = [0; BLOCK];
        bytes[1..7].fill(0xff);
        bytes[8..12].copy_from_slice(&[0x59, 0x74, 1, 0]);
        bytes[16..20].copy_from_slice(&[1, 30, 1, revision]);
        bytes[20] = if revision >= 4 { 0xa5 } else { 0x80 };
        bytes[23] = 120;
        bytes[38..54].fill(1);
        // Descriptors that say nothing.
        for at in [54, 72, 90, 108] {
            bytes[at + 3] = 0x10;
        }
        Self {
            bytes,
            descriptors: 0,
            standard: 0,
            extensions: Vec::new(),
            announced: None,
        }
    }

    /// Sets one byte.
    pub fn byte(mut self, at: usize, value: u8) -> Self {
        self.bytes[at] = value;
        self
    }

    /// Says that the first detailed timing is preferred, which EDID 1.3 says by a bit.
    pub fn prefers_the_first(self) -> Self {
        self.byte(24, 0x02)
    }

    /// The three bytes of established timings.
    pub fn established(mut self, bits: [u8; 3]) -> Self {
        self.bytes[35..38].copy_from_slice(&bits);
        self
    }

    /// One more standard timing: width, shape (0 to 3: 16:10, 4:3, 5:4, 16:9) and rate.
    pub fn standard(mut self, width: u32, shape: u8, rate: u8) -> Self {
        let at = 38 + 2 * self.standard;
        self.standard += 1;
        self.bytes[at..at + 2].copy_from_slice(&standard(width, shape, rate));
        self
    }

    /// One more descriptor: a detailed timing.
    pub fn detailed(self, timing: Detailed) -> Self {
        self.descriptor(timing.bytes())
    }

    /// One more descriptor, of another kind.
    pub fn tagged(self, tag: u8, data: &[u8]) -> Self {
        let mut bytes = [0; 18];
        bytes[3] = tag;
        bytes[5..5 + data.len()].copy_from_slice(data);
        self.descriptor(bytes)
    }

    /// One more descriptor, byte by byte.
    pub fn descriptor(mut self, bytes: [u8; 18]) -> Self {
        let at = 54 + 18 * self.descriptors;
        self.descriptors += 1;
        self.bytes[at..at + 18].copy_from_slice(&bytes);
        self
    }

    /// One more block behind this one.
    pub fn extension(mut self, block: [u8; BLOCK]) -> Self {
        self.extensions.push(block);
        self
    }

    /// Says that so many extensions follow, whatever does.
    pub fn announces(mut self, extensions: u8) -> Self {
        self.announced = Some(extensions);
        self
    }

    /// The bytes, whole.
    pub fn bytes(mut self) -> Vec<u8> {
        let count = u8::try_from(self.extensions.len()).expect("few");
        self.bytes[126] = self.announced.unwrap_or(count);
        sum_up(&mut self.bytes);
        let mut bytes = self.bytes.to_vec();
        for extension in self.extensions {
            bytes.extend(extension);
        }
        bytes
    }
}

/// A standard timing's two bytes.
pub fn standard(width: u32, shape: u8, rate: u8) -> [u8; 2] {
    let width = u8::try_from(width / 8 - 31).expect("at most 2288 pixels");
    [width, shape << 6 | (rate - 60)]
}

/// A CTA-861 extension: data blocks, then detailed timings.
pub fn cta(revision: u8, data: &[u8], timings: &[Detailed]) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    bytes[..2].copy_from_slice(&[2, revision]);
    bytes[2] = u8::try_from(4 + data.len()).expect("less than a block");
    bytes[4..4 + data.len()].copy_from_slice(data);
    let mut at = 4 + data.len();
    for timing in timings {
        bytes[at..at + 18].copy_from_slice(&timing.bytes());
        at += 18;
    }
    sum_up(&mut bytes);
    bytes
}

/// A CTA-861 data block of short video descriptors.
pub fn video(descriptors: &[u8]) -> Vec<u8> {
    let length = u8::try_from(descriptors.len()).expect("at most 31");
    [&[2 << 5 | length], descriptors].concat()
}

/// A timing as DisplayID has it.
#[derive(Clone, Copy)]
pub struct LargeTiming {
    /// In units of 10 kHz (kind 3) or of 1 kHz (kind 0x22), less one.
    pub clock: u32,
    /// Bit 7: preferred, bit 4: interlaced.
    pub options: u8,
    pub visible: (u16, u16),
    pub blank: (u16, u16),
    /// Front porch and sync, of a line and of a picture.
    pub edges: [(u16, u16); 2],
}

/// Edges that matter to nobody.
pub const EDGES: [(u16, u16); 2] = [(8, 32), (3, 8)];

/// A data block of such timings.
pub fn large(kind: u8, timings: &[LargeTiming]) -> Vec<u8> {
    let mut bytes = vec![kind, 0, u8::try_from(20 * timings.len()).expect("few")];
    for timing in timings {
        bytes.extend(&timing.clock.to_le_bytes()[..3]);
        bytes.push(timing.options);
        let [line, picture] = timing.edges;
        for number in [
            timing.visible.0,
            timing.blank.0,
            line.0,
            line.1,
            timing.visible.1,
            timing.blank.1,
            picture.0,
            picture.1,
        ] {
            bytes.extend(number.wrapping_sub(1).to_le_bytes());
        }
    }
    bytes
}

/// A DisplayID extension of these data blocks.
pub fn display_id(version: u8, data: &[u8]) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    let length = u8::try_from(data.len()).expect("less than a block");
    bytes[..5].copy_from_slice(&[0x70, version, length, 3, 0]);
    bytes[5..5 + data.len()].copy_from_slice(data);
    // The section has a sum of its own.
    let sum = bytes[1..]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[5 + data.len()] = sum.wrapping_neg();
    sum_up(&mut bytes);
    bytes
}

/// Makes a block's bytes add up to 0.
pub fn sum_up(bytes: &mut [u8; BLOCK]) {
    bytes[127] = 0;
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[127] = sum.wrapping_neg();
}
