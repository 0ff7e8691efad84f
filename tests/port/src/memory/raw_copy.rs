//! Paging that belongs to no allocation, in ranges of its own: what must come of it is known to the byte (P2, P4, P5).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dxgk_sys::DXGK_BUILDPAGINGBUFFER_OPERATION as Kind;

use crate::adapter::Adapter;
use crate::memory::PAGE;
use crate::memory::backing::Backing;
use crate::memory::heap::{Owner, Window};
use crate::memory::paging::build::{Concerns, NAME};
use crate::memory::paging::operation::{Operation, Part, Side};
use crate::memory::transfer::{End, Whose};
use crate::memory::usage::Usage;
use crate::memory::vidmm::{Place, Vidmm};
use crate::rules::Rule;
use crate::{STATUS_GRAPHICS_NO_VIDEO_MEMORY, STATUS_PROCEDURE_NOT_FOUND, Status};

/// An odd number of pages, so that parts do not come out even.
const PAGES: u64 = 21;
const BYTES: u64 = PAGES * PAGE;
const FILL: u32 = 0xA5C3_0F1E;
/// Bytes that READ_PHYSICAL and WRITE_PHYSICAL may touch.
const PHYSICAL: usize = 8;

/// An operation that no version has.
const UNKNOWN: Kind = Kind(0x7FFF);

impl Adapter {
    /// Has the driver copy, fill, map and unmap where no allocation is, and looks at each byte.
    ///
    /// # Errors
    /// [`STATUS_GRAPHICS_NO_VIDEO_MEMORY`] if there is no free range for it; what the scheduler says of paging;
    /// `STATUS_NO_MEMORY`; [`STATUS_PROCEDURE_NOT_FOUND`] for a driver that builds no paging buffers.
    pub fn exercise_paging(&self) -> Result<(), Status> {
        let adapter = &*self.0;
        if !adapter.pages() {
            return Err(STATUS_PROCEDURE_NOT_FOUND);
        }
        adapter.scheduling(|| adapter.vidmm().exercise())
    }
}

impl Vidmm<'_> {
    fn exercise(&mut self) -> Result<(), Status> {
        let usage = Arc::new(Usage::default());
        let memory = self.manager_range(false)?;
        let copied = self.exercise_memory(&usage, memory);
        let idle = self.wait_idle(&usage);
        if let Some(segment) = self.segment(memory.segment) {
            segment.heap.free(memory.offset);
        }
        copied.and(idle)?;
        if let Ok(aperture) = self.manager_range(true) {
            let mapped = self.exercise_aperture(&usage, aperture);
            let idle = self.wait_idle(&usage);
            if let Some(segment) = self.segment(aperture.segment) {
                segment.heap.free(aperture.offset);
            }
            mapped.and(idle)?;
        }
        self.exercise_unknown()
    }

    fn manager_range(&mut self, aperture: bool) -> Result<Place, Status> {
        let window = Window {
            offsets: 0..u64::MAX,
            downwards: true,
        };
        let found = (1..)
            .zip(&mut self.state.segments)
            .find_map(|(id, segment)| {
                let fits = segment.is_aperture() == aperture && segment.may_commit(BYTES);
                let offset = segment.heap.find(BYTES, PAGE, &window).filter(|_| fits)?;
                segment.heap.take(offset, BYTES, Owner::Manager);
                Some(Place {
                    segment: id,
                    offset,
                })
            });
        found.ok_or(STATUS_GRAPHICS_NO_VIDEO_MEMORY)
    }

    /// Pages with bytes that hardly repeat.
    fn noise(&mut self) -> Result<Arc<Backing>, Status> {
        let backing = self.pages_for(BYTES)?;
        // The low bytes of each number: the high ones are mostly alike.
        let bytes: Vec<u8> = (0..BYTES / 4)
            .flat_map(|_| {
                let [a, b, c, d, ..] = self.random(1 << 32).to_le_bytes();
                [a, b, c, d]
            })
            .collect();
        backing.write(0, &bytes);
        Ok(backing)
    }

    fn copy(&mut self, usage: &Arc<Usage>, from: End<'_>, to: End<'_>) -> Result<(), Status> {
        self.transfer(Whose::nobody(usage), BYTES, from, to)
    }

    fn expect(&self, rule: Rule, what: &str, found: &[u8], wanted: &[u8]) {
        let differs = found.iter().zip(wanted).position(|(a, b)| a != b);
        self.adapter.check(rule, NAME, differs.is_none(), || {
            format!(
                "{what}: byte {} is not as it should be",
                differs.unwrap_or(0)
            )
        });
    }

    fn exercise_memory(&mut self, usage: &Arc<Usage>, at: Place) -> Result<(), Status> {
        let here = End::Segment(at.segment, at.offset);
        let noise = self.noise()?;
        let back = self.pages_for(BYTES)?;
        self.copy(usage, End::Pages(&noise), here)?;
        self.copy(usage, here, End::Pages(&back))?;
        self.wait_idle(usage)?;
        self.expect(
            Rule::P4,
            "pages to a segment and back",
            &back.all(),
            &noise.all(),
        );

        let second = self.manager_range(false);
        if let Ok(second) = second {
            let there = End::Segment(second.segment, second.offset);
            let again = self.pages_for(BYTES)?;
            self.copy(usage, here, there)?;
            self.copy(usage, there, End::Pages(&again))?;
            self.wait_idle(usage)?;
            if let Some(segment) = self.segment(second.segment) {
                segment.heap.free(second.offset);
            }
            self.expect(Rule::P4, "segment to segment", &again.all(), &noise.all());
        }

        self.fill(Whose::nobody(usage), BYTES, FILL, at.segment, at.offset)?;
        self.copy(usage, here, End::Pages(&back))?;
        self.wait_idle(usage)?;
        let filled = FILL
            .to_le_bytes()
            .repeat(usize::try_from(BYTES / 4).unwrap_or(0));
        self.expect(Rule::P5, "FILL", &back.all(), &filled);

        self.exercise_physical(usage, at)?;
        self.copy(usage, here, End::Pages(&back))?;
        self.wait_idle(usage)?;
        self.expect(
            Rule::P5,
            "beside WRITE_PHYSICAL",
            back.all().get(PHYSICAL..).unwrap_or(&[]),
            filled.get(PHYSICAL..).unwrap_or(&[]),
        );
        self.exercise_special(usage, at, &noise)
    }

    fn exercise_physical(&mut self, usage: &Arc<Usage>, at: Place) -> Result<(), Status> {
        let address = self.address(at.segment, at.offset);
        let concerns = Concerns {
            usage: Some(usage),
            ..Concerns::default()
        };
        let read = Operation::read_physical(self.pattern(), at.segment, address);
        self.build(read, concerns)?;
        let write = Operation::write_physical(self.pattern(), at.segment, address);
        self.build(write, concerns)?;
        // Of an allocation that the driver did not make: nothing to do, and no reason to fail.
        let nobody = core::ptr::null_mut();
        let here = Side::Segment {
            id: at.segment,
            address,
        };
        let init = Operation::init_context_resource(self.pattern(), nobody, here);
        self.build(init, concerns)
    }

    /// A transfer to the pages of an alternate address: a driver that has none does nothing, or copies.
    fn exercise_special(
        &mut self,
        usage: &Arc<Usage>,
        at: Place,
        noise: &Arc<Backing>,
    ) -> Result<(), Status> {
        let part = Part {
            offset: 0,
            bytes: BYTES,
            start: true,
            end: true,
        };
        let address = self.address(at.segment, at.offset);
        let here = Side::Segment {
            id: at.segment,
            address,
        };
        let back = self.pages_for(BYTES)?;
        self.copy(
            usage,
            End::Pages(noise),
            End::Segment(at.segment, at.offset),
        )?;
        let nobody = core::ptr::null_mut();
        let pages = Side::Pages {
            mdl: back.mdl().pointer(),
            page: 0,
        };
        let operation = Operation::special_lock_transfer(self.pattern(), nobody, part, here, pages);
        let concerns = Concerns {
            usage: Some(usage),
            pages: Some(&back),
            ..Concerns::default()
        };
        self.build(operation, concerns)?;
        self.wait_idle(usage)?;
        let found = back.all();
        if found.iter().any(|byte| *byte != 0) {
            self.expect(Rule::P5, "SPECIAL_LOCK_TRANSFER", &found, &noise.all());
        }
        Ok(())
    }

    fn exercise_aperture(&mut self, usage: &Arc<Usage>, at: Place) -> Result<(), Status> {
        let here = End::Segment(at.segment, at.offset);
        let noise = self.noise()?;
        let mapped = self.pages_for(BYTES)?;
        let back = self.pages_for(BYTES)?;
        self.map(None, Some(usage), None, at.segment, at.offset, &mapped)?;
        self.copy(usage, End::Pages(&noise), here)?;
        self.copy(usage, here, End::Pages(&back))?;
        self.wait_idle(usage)?;
        self.expect(
            Rule::P4,
            "pages into an aperture",
            &mapped.all(),
            &noise.all(),
        );
        self.expect(
            Rule::P4,
            "pages out of an aperture",
            &back.all(),
            &noise.all(),
        );

        self.unmap_range(None, at.segment, at.offset, PAGES)?;
        let dummy = self.dummy()?;
        let mark: Vec<u8> = (0..PAGE).map(|at| (at % 251) as u8).collect();
        dummy.write(0, &mark);
        self.copy(usage, here, End::Pages(&back))?;
        self.wait_idle(usage)?;
        let marks = mark.repeat(usize::try_from(PAGES).unwrap_or(0));
        self.expect(
            Rule::P5,
            "unmapped pages show the dummy page",
            &back.all(),
            &marks,
        );

        let other = self.noise()?;
        self.copy(usage, End::Pages(&other), here)?;
        self.wait_idle(usage)?;
        self.expect(
            Rule::P5,
            "what is written to unmapped pages stays out of those that were mapped",
            &mapped.all(),
            &noise.all(),
        );
        let reached = dummy.all() != mark;
        self.adapter.check(
            Rule::P5,
            NAME,
            reached,
            || "what is written to unmapped pages does not reach the dummy page",
        );
        Ok(())
    }

    fn exercise_unknown(&mut self) -> Result<(), Status> {
        let before = self
            .state
            .filling
            .as_ref()
            .map_or(0, |filling| filling.used);
        let operation = Operation::unknown(self.pattern(), UNKNOWN);
        let concerns = Concerns {
            rule: Some(Rule::P2),
            ..Concerns::default()
        };
        let built = self.build(operation, concerns);
        let after = self
            .state
            .filling
            .as_ref()
            .map_or(0, |filling| filling.used);
        let nothing = built.is_ok() && before == after;
        self.adapter.check(
            Rule::P2,
            NAME,
            nothing,
            || "an operation that no version has is refused, or something is written for it",
        );
        built?;
        self.flush()
    }
}
