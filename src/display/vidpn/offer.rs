//! What the driver can do for a path.
#![forbid(unsafe_code)]

use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT, D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT,
};

use crate::display::modes::{Mode, ModeList, Rational};
use crate::kernel::vidpn::{Frequency, Signal, Size, SourceMode, Support, TargetMode};

/// The formats of a surface. The adapter ignores the fourth byte of a pixel.
pub const FORMATS: [D3DDDIFORMAT; 2] = [
    D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
    D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
];

/// How the two registrations of the driver differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abilities {
    /// The path can turn its picture.
    pub rotates: bool,
    /// Targets have frequencies. Those of a display-only driver that does not control the vertical
    /// sync must all be unspecified, those of any other must not (see ddi-contract.md, "What dxgkrnl
    /// accepts at start").
    pub frequencies: bool,
}

impl Abilities {
    /// The full driver.
    pub const FULL: Self = Self {
        rotates: false,
        frequencies: true,
    };
    /// The display-only driver.
    pub const DISPLAY_ONLY: Self = Self {
        rotates: true,
        frequencies: false,
    };

    /// What a path is said to do. Its rotation has no offset: of a driver of WDDM 1.3 dxgkrnl wants to
    /// hear just that (ddi-contract.md, G).
    #[must_use]
    pub fn support(self) -> Support {
        type Rotation = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT;
        let turned = Rotation::Rotate90 | Rotation::Rotate180 | Rotation::Rotate270;
        Support {
            scaling: D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::Identity,
            rotation: if self.rotates {
                Rotation::Offset0 | Rotation::Identity | turned
            } else {
                Rotation::Offset0 | Rotation::Identity
            },
            copy_protection: D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::NoProtection,
        }
    }
}

/// The modes of the monitor, and what paths can do.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    /// The modes that are offered.
    pub list: &'a ModeList,
    /// The rest.
    pub abilities: Abilities,
}

impl<'a> Offer<'a> {
    /// The sizes, each once, by a mode that has it: the largest first.
    pub fn sizes(self) -> impl Iterator<Item = &'a Mode> {
        let mut before = None;
        self.list.modes().iter().filter(move |mode| {
            // Modes of one size stand together.
            before.replace(size(mode)) != Some(size(mode))
        })
    }

    /// The signals, by their modes.
    pub fn signals(self) -> impl Iterator<Item = &'a Mode> {
        let mut before = None;
        self.list.modes().iter().filter(move |mode| {
            let new = before.replace(size(mode)) != Some(size(mode));
            self.abilities.frequencies || new
        })
    }

    /// The surface of a mode, in one of [`FORMATS`].
    #[must_use]
    pub fn source_mode(self, mode: &Mode, format: D3DDDIFORMAT) -> SourceMode {
        SourceMode {
            size: size(mode),
            stride: mode.pitch(),
            format,
        }
    }

    /// The signal of a mode.
    #[must_use]
    pub fn target_mode(self, mode: &Mode) -> TargetMode {
        TargetMode {
            signal: self.signal(mode),
            preferred: self.is_preferred(mode),
        }
    }

    /// The signal of a mode.
    #[must_use]
    pub fn signal(self, mode: &Mode) -> Signal {
        if !self.abilities.frequencies {
            return Signal::of_size(size(mode));
        }
        let timing = &mode.timing;
        Signal {
            active: size(mode),
            total: Size {
                width: timing.total_width,
                height: timing.total_height,
            },
            vertical: frequency(timing.vertical),
            horizontal: frequency(timing.horizontal),
            pixel_rate: usize::try_from(timing.pixel_clock).unwrap_or(usize::MAX),
        }
    }

    /// Whether the monitor is to begin with this mode.
    #[must_use]
    pub fn is_preferred(self, mode: &Mode) -> bool {
        let preferred = self.list.preferred();
        preferred.is_some_and(|preferred| self.signal(preferred) == self.signal(mode))
    }

    /// Whether a source can show such a surface. The stride is not asked for: the address of a
    /// surface comes with its own.
    #[must_use]
    pub fn shows(self, mode: &SourceMode) -> bool {
        FORMATS.contains(&mode.format) && self.list.modes().iter().any(|one| size(one) == mode.size)
    }

    /// The mode with such a signal: by its size, and by its rate if this driver's have one.
    #[must_use]
    pub fn sends(self, signal: &Signal) -> Option<&'a Mode> {
        self.list.modes().iter().find(|mode| {
            let rate = frequency(mode.timing.vertical);
            size(mode) == signal.active
                && (!self.abilities.frequencies || rate.equals(signal.vertical))
        })
    }

    /// The first mode of a size: the one of the highest rate.
    #[must_use]
    pub fn of_size(self, wanted: Size) -> Option<&'a Mode> {
        self.list.find(wanted.width, wanted.height)
    }
}

/// The size of a mode's picture.
pub fn size(mode: &Mode) -> Size {
    Size {
        width: mode.width(),
        height: mode.height(),
    }
}

/// A rate in the DDI's words.
pub fn frequency(rate: Rational) -> Frequency {
    Frequency {
        numerator: rate.numerator,
        denominator: rate.denominator,
    }
}
