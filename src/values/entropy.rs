//! Where randomness comes from. The composition root passes the operating system's generator in.

/// A source of random bytes. Copied into every operation, so that no function reaches for randomness by itself.
#[derive(Clone, Copy)]
pub struct Entropy {
    fill: fn(&mut [u8]),
}

impl Entropy {
    /// A source that fills a buffer with `fill`, which must be cryptographically secure outside tests.
    pub const fn new(fill: fn(&mut [u8])) -> Self {
        Self { fill }
    }

    /// `N` fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        (self.fill)(&mut buffer);
        buffer
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}
