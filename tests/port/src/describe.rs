//! DescribeAllocation.

use alloc::format;

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{D3DDDIFORMAT, DXGKARG_DESCRIBEALLOCATION};

use crate::adapter::Adapter;
use crate::ddi::Ddi;
use crate::objects::{self, AllocationId};
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "DescribeAllocation";

/// What the driver says of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of a pixel.
    pub format: D3DDDIFORMAT,
    /// Samples and quality levels.
    pub multisample: (u32, u32),
    /// Numerator and denominator.
    pub refresh_rate: (u32, u32),
    /// `PrivateDriverFormatAttribute`.
    pub attribute: u32,
}

impl From<&DXGKARG_DESCRIBEALLOCATION> for Description {
    fn from(argument: &DXGKARG_DESCRIBEALLOCATION) -> Self {
        let (samples, rate) = (argument.MultisampleMethod, argument.RefreshRate);
        Self {
            width: argument.Width,
            height: argument.Height,
            format: argument.Format,
            multisample: (samples.NumSamples, samples.NumQualityLevels),
            refresh_rate: (rate.Numerator, rate.Denominator),
            attribute: argument.PrivateDriverFormatAttribute,
        }
    }
}

impl Adapter {
    /// DescribeAllocation, over both patterns. For the shared primary every member must be set (O4); of other
    /// allocations the port cannot know whether they may be presented.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if it is no allocation.
    pub fn describe(&self, id: AllocationId) -> Result<Description, Status> {
        let adapter = &*self.0;
        let describe = adapter.registration.table.DxgkDdiDescribeAllocation;
        let describe = describe.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let object = objects::allocation(id).ok_or(STATUS_INVALID_HANDLE)?;
        let mut answers = [None; 2];
        for (answer, pattern) in answers.iter_mut().zip(Pattern::BOTH) {
            let mut argument: DXGKARG_DESCRIBEALLOCATION = pattern.filled();
            argument.hAllocation = object.driver.0;
            let status = adapter.call(Ddi::DescribeAllocation, Default::default, |_| {
                // SAFETY: the driver's own function and context, at its IRQL.
                unsafe { describe(adapter.context(), &raw mut argument) }
            });
            let same = argument.hAllocation == object.driver.0;
            adapter.check(Rule::B2_13, NAME, same, || "hAllocation was written");
            if object.primary {
                adapter.check(Rule::O4, NAME, status == STATUS_SUCCESS, || {
                    format!("the primary is refused with {status:#010x}")
                });
            }
            if status != STATUS_SUCCESS {
                return Err(status);
            }
            *answer = Some(Description::from(&argument));
        }
        if object.primary {
            adapter.check(
                Rule::O4,
                NAME,
                answers[0] == answers[1],
                || "a member is not set for the primary",
            );
        }
        answers[0].ok_or(STATUS_INVALID_HANDLE)
    }
}
