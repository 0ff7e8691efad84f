//! Standard allocations: GetStandardAllocationDriverData in its two phases, and their creation.

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    D3DDDI_RATIONAL, D3DDDIFORMAT, D3DKMDT_GDISURFACEDATA, D3DKMDT_GDISURFACETYPE,
    D3DKMDT_SHADOWSURFACEDATA, D3DKMDT_SHAREDPRIMARYSURFACEDATA, D3DKMDT_STAGINGSURFACEDATA,
    D3DKMDT_STANDARDALLOCATION_TYPE, DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::create::{Create, Created, Into};
use crate::ddi::Ddi;
use crate::device::Device;
use crate::pattern::{Pattern, Plain, bytes_of};
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "GetStandardAllocationDriverData";

/// No driver needs more than this to describe a surface.
const MOST_BYTES: u32 = 1 << 20;

/// A surface that the graphics kernel makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// The primary that all processes share.
    SharedPrimary {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Of a pixel.
        format: D3DDDIFORMAT,
        /// The video present source.
        source: u32,
    },
    /// A copy of the primary that the CPU draws into.
    Shadow {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Of a pixel.
        format: D3DDDIFORMAT,
    },
    /// A surface on the way between others.
    Staging {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// A surface of GDI's.
    Gdi {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Of a pixel.
        format: D3DDDIFORMAT,
        /// What GDI does with it.
        kind: D3DKMDT_GDISURFACETYPE,
    },
}

/// What the driver made of a [`Standard`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardData {
    /// Private data for the allocation.
    pub allocation: Vec<u8>,
    /// Private data for the resource.
    pub resource: Vec<u8>,
    /// Bytes from row to row, where the surface's record has them.
    pub pitch: Option<u32>,
}

/// The records that the argument's union points at; only the one of the type is used.
#[derive(Clone, Copy)]
struct Surface {
    primary: D3DKMDT_SHAREDPRIMARYSURFACEDATA,
    shadow: D3DKMDT_SHADOWSURFACEDATA,
    staging: D3DKMDT_STAGINGSURFACEDATA,
    gdi: D3DKMDT_GDISURFACEDATA,
}

impl Standard {
    fn kind(self) -> D3DKMDT_STANDARDALLOCATION_TYPE {
        type Type = D3DKMDT_STANDARDALLOCATION_TYPE;
        match self {
            Self::SharedPrimary { .. } => Type::D3DKMDT_STANDARDALLOCATION_SHAREDPRIMARYSURFACE,
            Self::Shadow { .. } => Type::D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE,
            Self::Staging { .. } => Type::D3DKMDT_STANDARDALLOCATION_STAGINGSURFACE,
            Self::Gdi { .. } => Type::D3DKMDT_STANDARDALLOCATION_GDISURFACE,
        }
    }

    fn surface(self, pattern: Pattern) -> Surface {
        let mut surface = Surface {
            primary: pattern.filled(),
            shadow: pattern.filled(),
            staging: pattern.filled(),
            gdi: pattern.filled(),
        };
        match self {
            Self::SharedPrimary {
                width,
                height,
                format,
                source,
            } => {
                surface.primary.Width = width;
                surface.primary.Height = height;
                surface.primary.Format = format;
                surface.primary.RefreshRate = D3DDDI_RATIONAL {
                    Numerator: 60,
                    Denominator: 1,
                };
                surface.primary.VidPnSourceId = source;
            }
            Self::Shadow {
                width,
                height,
                format,
            } => {
                surface.shadow.Width = width;
                surface.shadow.Height = height;
                surface.shadow.Format = format;
            }
            Self::Staging { width, height } => {
                surface.staging.Width = width;
                surface.staging.Height = height;
            }
            Self::Gdi {
                width,
                height,
                format,
                kind,
            } => {
                surface.gdi.Width = width;
                surface.gdi.Height = height;
                surface.gdi.Format = format;
                surface.gdi.Type = kind;
                surface.gdi.Flags = Pattern(0).filled::<D3DKMDT_GDISURFACEDATA>().Flags;
            }
        }
        surface
    }

    fn width(self) -> u32 {
        match self {
            Self::SharedPrimary { width, .. }
            | Self::Shadow { width, .. }
            | Self::Staging { width, .. }
            | Self::Gdi { width, .. } => width,
        }
    }

    /// Surfaces that the CPU sees must have a pitch; the types are those of O5.
    fn needs_pitch(self) -> bool {
        match self {
            Self::SharedPrimary { .. } => false,
            Self::Shadow { .. } | Self::Staging { .. } => true,
            Self::Gdi { kind, .. } => matches!(
                kind,
                D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE
                    | D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_EXISTINGSYSMEM
            ),
        }
    }
}

impl Surface {
    fn pitch(&self, standard: Standard) -> Option<u32> {
        match standard {
            Standard::SharedPrimary { .. } => None,
            Standard::Shadow { .. } => Some(self.shadow.Pitch),
            Standard::Staging { .. } => Some(self.staging.Pitch),
            Standard::Gdi { .. } => Some(self.gdi.Pitch),
        }
    }

    fn set_pitch(&mut self, pitch: u32) {
        self.shadow.Pitch = pitch;
        self.staging.Pitch = pitch;
        self.gdi.Pitch = pitch;
    }

    fn point(&mut self, standard: Standard, at: &mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA) {
        at.u0.pCreateSharedPrimarySurfaceData = match standard {
            Standard::SharedPrimary { .. } => &raw mut self.primary,
            Standard::Shadow { .. } => (&raw mut self.shadow).cast(),
            Standard::Staging { .. } => (&raw mut self.staging).cast(),
            Standard::Gdi { .. } => (&raw mut self.gdi).cast(),
        };
    }

    fn same(&self, other: &Self) -> bool {
        same(&self.primary, &other.primary)
            && same(&self.shadow, &other.shadow)
            && same(&self.staging, &other.staging)
            && same(&self.gdi, &other.gdi)
    }
}

fn same<T: Plain>(a: &T, b: &T) -> bool {
    bytes_of(a) == bytes_of(b)
}

/// A buffer for private data, of exactly its size and with a guard word behind it.
struct Buffer {
    words: Vec<u64>,
    bytes: usize,
}

impl Buffer {
    fn new(bytes: u32, pattern: Pattern) -> Self {
        let bytes = bytes as usize;
        Self {
            words: alloc::vec![pattern.u64(); bytes.div_ceil(8) + 1],
            bytes,
        }
    }

    fn pointer(&mut self) -> *mut core::ffi::c_void {
        if self.bytes == 0 {
            ptr::null_mut()
        } else {
            self.words.as_mut_ptr().cast()
        }
    }

    fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let mut all: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let guard = all.split_off(self.bytes);
        (all, guard)
    }
}

impl AdapterInner {
    fn standard_call(
        &self,
        standard: Standard,
        argument: &mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> Status {
        let Some(get) = self
            .registration
            .table
            .DxgkDdiGetStandardAllocationDriverData
        else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        let kind = argument.StandardAllocationType;
        let arguments = || {
            let phase = if argument.pAllocationPrivateDriverData.is_null() {
                "sizes"
            } else {
                "data"
            };
            format!("{standard:?}, {phase}")
        };
        let line = arguments();
        let argument = &raw mut *argument;
        let status = self.call(
            Ddi::GetStandardAllocationDriverData,
            || line,
            |_| {
                // SAFETY: the driver's own function and context, at its IRQL.
                unsafe { get(self.context(), argument) }
            },
        );
        // SAFETY: the caller's record.
        let now = unsafe { (*argument).StandardAllocationType };
        self.check(
            Rule::B2_13,
            NAME,
            now == kind,
            || "StandardAllocationType was written",
        );
        status
    }

    /// The first phase: no buffers, so the driver says how much it needs.
    fn standard_sizes(&self, standard: Standard, pattern: Pattern) -> Result<(u32, u32), Status> {
        let mut surface = standard.surface(pattern);
        let given = surface;
        let mut argument: DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA = pattern.filled();
        argument.StandardAllocationType = standard.kind();
        surface.point(standard, &mut argument);
        argument.pAllocationPrivateDriverData = ptr::null_mut();
        argument.pResourcePrivateDriverData = ptr::null_mut();
        argument.PhysicalAdapterIndex = 0;
        let status = self.standard_call(standard, &mut argument);
        self.check(
            Rule::O5,
            NAME,
            surface.same(&given),
            || "the surface data was changed when only sizes were asked",
        );
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let sizes = (
            argument.AllocationPrivateDriverDataSize,
            argument.ResourcePrivateDriverDataSize,
        );
        let sane = |size: u32| size != pattern.u32() && size <= MOST_BYTES;
        let sane = sane(sizes.0) && sane(sizes.1);
        self.check(Rule::O5, NAME, sane, || {
            format!("sizes {:#x} and {:#x}", sizes.0, sizes.1)
        });
        let some = sizes != (0, 0);
        self.check(Rule::O5, NAME, some, || "both sizes are 0");
        if sane && some {
            Ok(sizes)
        } else {
            Err(dxgk_sys::status::STATUS_UNSUCCESSFUL)
        }
    }

    /// The second phase: buffers of those sizes.
    fn standard_fill(
        &self,
        standard: Standard,
        sizes: (u32, u32),
        pattern: Pattern,
    ) -> Result<StandardData, Status> {
        let mut surface = standard.surface(pattern);
        let given = surface;
        let mut allocation = Buffer::new(sizes.0, pattern);
        let mut resource = Buffer::new(sizes.1, pattern);
        let mut argument: DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA = pattern.filled();
        argument.StandardAllocationType = standard.kind();
        surface.point(standard, &mut argument);
        argument.pAllocationPrivateDriverData = allocation.pointer();
        argument.AllocationPrivateDriverDataSize = sizes.0;
        argument.pResourcePrivateDriverData = resource.pointer();
        argument.ResourcePrivateDriverDataSize = sizes.1;
        argument.PhysicalAdapterIndex = 0;
        let status = self.standard_call(standard, &mut argument);
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let (allocation, guard) = allocation.bytes();
        let (resource, other_guard) = resource.bytes();
        let mut guards = guard.iter().chain(&other_guard);
        let intact = guards.all(|byte| *byte == pattern.0);
        self.check(
            Rule::O5,
            NAME,
            intact,
            || "written beyond the sizes that were asked for",
        );
        let pitch = surface.pitch(standard);
        if let Some(pitch) = pitch.filter(|_| standard.needs_pitch()) {
            let set = pitch != pattern.u32() && pitch >= standard.width();
            self.check(Rule::O5, NAME, set, || {
                format!("Pitch {pitch:#x} is not set")
            });
        }
        // All but the pitch is input.
        surface.set_pitch(pattern.u32());
        self.check(
            Rule::O5,
            NAME,
            surface.same(&given),
            || "the surface data was changed",
        );
        let pitch = pitch.filter(|pitch| *pitch != pattern.u32());
        Ok(StandardData {
            allocation,
            resource,
            pitch,
        })
    }
}

impl Adapter {
    /// GetStandardAllocationDriverData: sizes, then data, each over both patterns.
    ///
    /// # Errors
    /// The driver's; `STATUS_UNSUCCESSFUL` if the sizes make no sense.
    pub fn standard_data(&self, standard: &Standard) -> Result<StandardData, Status> {
        let adapter = &*self.0;
        let mut runs = Vec::with_capacity(2);
        for pattern in Pattern::BOTH {
            let sizes = adapter.standard_sizes(*standard, pattern)?;
            runs.push(adapter.standard_fill(*standard, sizes, pattern)?);
        }
        let [first, second] = [&runs[0], &runs[1]];
        let both = first.allocation.iter().chain(&first.resource);
        let pairs = both.zip(second.allocation.iter().chain(&second.resource));
        let [a, b] = Pattern::BOTH;
        let hole = pairs.enumerate().find(|(_, pair)| *pair == (&a.0, &b.0));
        adapter.check(Rule::O5, NAME, hole.is_none(), || {
            format!(
                "byte {} of the data is not set",
                hole.map_or(0, |(at, _)| at)
            )
        });
        Ok(runs.swap_remove(0))
    }
}

impl Device {
    /// Makes a standard allocation: the driver's own description goes back to it in the first element (C5).
    ///
    /// # Errors
    /// The driver's.
    pub fn create_standard(&self, standard: &Standard) -> Result<Created, Status> {
        let data = self.adapter.standard_data(standard)?;
        let create = Create {
            group: &data.resource,
            elements: &[&data.allocation],
            into: Into::NewResource,
        };
        self.create_as(&create, matches!(standard, Standard::SharedPrimary { .. }))
    }
}
