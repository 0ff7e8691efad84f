//! What tests choose of the manager's behaviour.

/// How VidMm works. All of it is what Windows might do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryOptions {
    /// Where random choices begin.
    pub seed: u64,
    /// The most pages of one sub-transfer: the whole is split into parts of random lengths up to it. 0 does not split.
    pub piece_pages: u32,
    /// Evicts whatever comes, not what was used least recently.
    pub random_victims: bool,
    /// Evicts through an aperture segment where the allocation's set allows one.
    pub evict_through_aperture: bool,
    /// Takes a worse segment that has room before it evicts others from a better one.
    pub spill: bool,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            piece_pages: 0,
            random_victims: false,
            evict_through_aperture: true,
            spill: false,
        }
    }
}

impl MemoryOptions {
    /// With random choices that begin there.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// With transfers in parts of at most so many pages.
    #[must_use]
    pub fn with_piece_pages(mut self, pages: u32) -> Self {
        self.piece_pages = pages;
        self
    }

    /// With a worse segment rather than an eviction.
    #[must_use]
    pub fn with_spill(mut self) -> Self {
        self.spill = true;
        self
    }

    /// With random victims.
    #[must_use]
    pub fn with_random_victims(mut self) -> Self {
        self.random_victims = true;
        self
    }

    /// With evictions straight into system pages only.
    #[must_use]
    pub fn without_aperture_eviction(mut self) -> Self {
        self.evict_through_aperture = false;
        self
    }
}
