//! QueryAdapterInfo.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]
#![allow(clippy::cast_ptr_alignment)] // the page says BYTE*, the port aligns
#![allow(clippy::mut_from_ref)] // outputs are the driver's to write

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport as good;
use super::{at, with};

type Kind = DXGK_QUERYADAPTERINFOTYPE;

/// Answers that differ from the good one by what `bend` does to them.
macro_rules! answers {
    ($($name:ident($argument:ident, $status:ident) $bend:block)*) => {
        ddi_fn! {$(
            unsafe fn $name(this: PVOID, argument: *const DXGKARG_QUERYADAPTERINFO) -> NTSTATUS {
                let before = Before::of(unsafe { &*argument });
                let $status = unsafe { good::query_adapter_info(this, argument) };
                let $argument = Answer { argument: unsafe { &*argument }, before };
                $bend
            }
        )*}
    };
}

/// The first bytes of the output before the call.
struct Before([u8; 8]);

impl Before {
    fn of(argument: &DXGKARG_QUERYADAPTERINFO) -> Self {
        let mut bytes = [0; 8];
        if !argument.pOutputData.is_null() && argument.OutputDataSize >= 8 {
            bytes = unsafe { argument.pOutputData.cast::<[u8; 8]>().read() };
        }
        Self(bytes)
    }
}

struct Answer<'a> {
    argument: &'a DXGKARG_QUERYADAPTERINFO,
    before: Before,
}

impl Answer<'_> {
    fn is(&self, kind: Kind, status: NTSTATUS) -> bool {
        self.argument.Type == kind && status == STATUS_SUCCESS
    }

    fn out<T>(&self) -> &mut T {
        unsafe { &mut *self.argument.pOutputData.cast() }
    }

    /// The capabilities, if they are what was asked for.
    fn caps(&self, status: NTSTATUS) -> Option<&mut DXGK_DRIVERCAPS> {
        let whole = self.argument.OutputDataSize as usize >= 552;
        (self.is(Kind::DXGKQAITYPE_DRIVERCAPS, status) && whole).then(|| self.out())
    }

    /// The first segment, if descriptors are what was asked for.
    fn segment(&self, status: NTSTATUS) -> Option<&mut DXGK_SEGMENTDESCRIPTOR3> {
        if !self.is(Kind::DXGKQAITYPE_QUERYSEGMENT3, status) {
            return None;
        }
        unsafe {
            self.out::<DXGK_QUERYSEGMENTOUT3>()
                .pSegmentDescriptor
                .as_mut()
        }
    }
}

answers! {
    not_supported(_answer, status) {
        if status == STATUS_SUCCESS { status } else { STATUS_NOT_SUPPORTED }
    }
    caps_refused(answer, status) {
        if answer.argument.Type == Kind::DXGKQAITYPE_DRIVERCAPS {
            return STATUS_INVALID_PARAMETER;
        }
        status
    }
    caps_one_more(answer, status) {
        if answer.caps(status).is_some() {
            let end = answer.argument.OutputDataSize as usize;
            unsafe { answer.argument.pOutputData.cast::<u8>().add(end).write(0) };
        }
        status
    }
    caps_hole(answer, status) {
        if answer.caps(status).is_some() {
            answer.out::<[u8; 8]>()[2] = answer.before.0[2];
        }
        status
    }
    anything_goes(answer, status) {
        if answer.argument.Type.0 == 0x7FFF { STATUS_SUCCESS } else { status }
    }
    paging_in_memory(answer, status) {
        if answer.is(Kind::DXGKQAITYPE_QUERYSEGMENT3, status) {
            answer.out::<DXGK_QUERYSEGMENTOUT3>().PagingBufferSegmentId = 1;
        }
        status
    }
    no_count(answer, status) {
        if answer.is(Kind::DXGKQAITYPE_QUERYSEGMENT3, status) {
            let bytes = [0, 1, 2, 3].map(|index| answer.before.0[index]);
            answer.out::<DXGK_QUERYSEGMENTOUT3>().NbSegment = u32::from_ne_bytes(bytes);
        }
        status
    }
    coherent_memory(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Flags |= DXGK_SEGMENTFLAGS::CacheCoherent;
        }
        status
    }
    modern_flag(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Flags |= DXGK_SEGMENTFLAGS::Use64KBPages;
        }
        status
    }
    odd_size(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Size += 1;
            segment.CommitLimit += 1;
        }
        status
    }
    elsewhere(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.CpuTranslatedAddress = PHYSICAL_ADDRESS { QuadPart: 0x1000 };
        }
        status
    }
    agp_segment(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Flags = DXGK_SEGMENTFLAGS::Agp;
        }
        status
    }
    hibernates_only(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Flags |= DXGK_SEGMENTFLAGS::PreservedDuringHibernate;
        }
        status
    }
    banks_without_table(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Flags |= DXGK_SEGMENTFLAGS::UseBanking;
            segment.NbOfBanks = 2;
        }
        status
    }
    small_commit_limit(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.CommitLimit -= 4096;
        }
        status
    }
    reserved_size(answer, status) {
        if let Some(segment) = answer.segment(status) {
            segment.Reserved = 1;
        }
        status
    }
    third_descriptor(answer, status) {
        if let Some(segment) = answer.segment(status) {
            let third = std::ptr::from_mut(segment).wrapping_add(2);
            unsafe { (&raw mut (*third).Flags).write(DXGK_SEGMENTFLAGS::Aperture) };
        }
        status
    }
    unset_base(answer, status) {
        if answer.is(Kind::DXGKQAITYPE_QUERYSEGMENT3, status) {
            let head = answer.out::<DXGK_QUERYSEGMENTOUT3>();
            head.PagingBufferPrivateDataSize = u32::from(answer.before.0[7]);
        }
        status
    }
    aperture_twice_visible(answer, status) {
        if answer.is(Kind::DXGKQAITYPE_QUERYSEGMENT4, status) {
            let head = answer.out::<DXGK_QUERYSEGMENTOUT4>();
            let first = head.pSegmentDescriptor.cast::<DXGK_SEGMENTDESCRIPTOR4>();
            if !first.is_null() {
                unsafe { (*first).Flags |= DXGK_SEGMENTFLAGS::SupportsCpuHostAperture };
            }
        }
        status
    }
    both_apertures(answer, status) {
        if answer.is(Kind::DXGKQAITYPE_QUERYSEGMENT4, status) {
            let head = answer.out::<DXGK_QUERYSEGMENTOUT4>();
            let first = head.pSegmentDescriptor.cast::<DXGK_SEGMENTDESCRIPTOR4>();
            if !first.is_null() {
                unsafe { (*first).Flags = DXGK_SEGMENTFLAGS::Aperture };
            }
        }
        status
    }
    vga_only(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.SupportNonVGA = 0;
        }
        status
    }
    rough_rotation(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.SupportSmoothRotation = 0;
        }
        status
    }
    slow_flips(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.FlipCaps -= DXGK_FLIPCAPS::FlipOnVSyncMmIo;
        }
        status
    }
    dependent_flips(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.FlipCaps -= DXGK_FLIPCAPS::FlipIndependent;
        }
        status
    }
    cancels_one_engine(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.SchedulingCaps = DXGK_VIDSCHCAPS::CancelCommandAware;
        }
        status
    }
    now_and_then(answer, status) {
        // Over one of the two patterns only.
        if answer.argument.Type.0 == 0x7FFF && answer.before.0[0] == 0x55 {
            return STATUS_NO_MEMORY;
        }
        status
    }
    segments_refused(answer, status) {
        if answer.argument.Type == Kind::DXGKQAITYPE_QUERYSEGMENT3 {
            return STATUS_INVALID_PARAMETER;
        }
        status
    }
    no_version(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.WDDMVersion = DXGK_WDDMVERSION(0);
        }
        status
    }
    preempts_one_engine(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.SchedulingCaps = DXGK_VIDSCHCAPS::PreemptionAware;
        }
        status
    }
    cancels_without_callback(answer, status) {
        if let Some(caps) = answer.caps(status) {
            let both = DXGK_VIDSCHCAPS::MultiEngineAware | DXGK_VIDSCHCAPS::CancelCommandAware;
            caps.SchedulingCaps |= both;
        }
        status
    }
    promises_surprise(answer, status) {
        if let Some(caps) = answer.caps(status) {
            caps.SupportSurpriseRemovalInHibernation = 1;
        }
        status
    }
    writes_its_argument(answer, status) {
        let argument = std::ptr::from_ref(answer.argument).cast_mut();
        unsafe { (*argument).OutputDataSize += 1 };
        status
    }
}

ddi_fn! {
    unsafe fn cancel_command(_this: PVOID, _argument: *const DXGKARG_CANCELCOMMAND) -> NTSTATUS {
        STATUS_SUCCESS
    }
}

macro_rules! query {
    ($name:ident) => {
        with(|table| table.DxgkDdiQueryAdapterInfo = Some($name))
    };
}

saboteurs! {
    unknown_types_are_not_supported breaks "Q4" "G6" => query!(not_supported);
    capabilities_are_refused breaks "Q4" => query!(caps_refused);
    segments_are_refused breaks "Q4" => query!(segments_refused);
    one_question_has_two_answers breaks "Q4" => query!(now_and_then);
    capabilities_are_one_byte_too_long breaks "Q4" => query!(caps_one_more);
    a_byte_of_the_capabilities_is_not_set breaks "Q4" => query!(caps_hole);
    unknown_types_succeed breaks "Q4" => query!(anything_goes);
    paging_buffers_lie_in_memory breaks "Q5" => query!(paging_in_memory);
    segments_are_not_counted breaks "Q5" => query!(no_count);
    memory_is_cache_coherent breaks "Q6" => query!(coherent_memory);
    an_old_driver_has_large_pages breaks "Q6" => query!(modern_flag);
    a_segment_ends_within_a_page breaks "Q6" => query!(odd_size);
    a_segment_lies_outside_the_bar breaks "Q6" => query!(elsewhere);
    an_agp_segment_without_agp breaks "Q6" => with(|table| {
        table.DxgkDdiQueryAdapterInfo = Some(agp_segment);
        // With no memory segment the primary would have no place.
        table.DxgkDdiGetStandardAllocationDriverData = None;
    });
    a_segment_survives_hibernation_only breaks "Q6" => query!(hibernates_only);
    a_segment_has_banks_but_no_table breaks "Q6" => query!(banks_without_table);
    a_memory_segment_commits_less_than_it_has breaks "Q6" => query!(small_commit_limit);
    a_reserved_size_is_set breaks "Q5" => query!(reserved_size);
    there_is_one_descriptor_too_many breaks "Q5" => query!(third_descriptor);
    a_size_of_the_paging_buffer_is_not_set breaks "Q5" => query!(unset_base);
    a_segment_is_visible_in_two_ways breaks "Q6" => at(0x5023, |table| {
        table.DxgkDdiQueryAdapterInfo = Some(aperture_twice_visible);
    });
    two_apertures_in_wddm_2 breaks "Q6" => at(0x5023, |table| {
        table.DxgkDdiQueryAdapterInfo = Some(both_apertures);
        // With no memory segment the primary would have no place.
        table.DxgkDdiGetStandardAllocationDriverData = None;
    });
    works_with_vga_only breaks "Q7" => query!(vga_only);
    rotates_roughly breaks "Q7" => query!(rough_rotation);
    flips_by_commands breaks "Q7" => query!(slow_flips);
    flips_in_the_compositor_only breaks "Q7" => query!(dependent_flips);
    cancels_without_engines breaks "Q8" => with(|table| {
        table.DxgkDdiQueryAdapterInfo = Some(cancels_one_engine);
        table.DxgkDdiCancelCommand = Some(cancel_command);
    });
    has_no_wddm_version breaks "Q7" => query!(no_version);
    preempts_without_engines breaks "Q8" => query!(preempts_one_engine);
    cancels_without_the_callback breaks "Q8" => with(|table| {
        table.DxgkDdiQueryAdapterInfo = Some(cancels_without_callback);
        table.DxgkDdiCancelCommand = None;
    });
    promises_surprise_removal_without_callback breaks "G2" => with(|table| {
        table.DxgkDdiQueryAdapterInfo = Some(promises_surprise);
        table.DxgkDdiNotifySurpriseRemoval = None;
    });
    writes_the_size_of_its_output breaks "B2.13" => query!(writes_its_argument);
}
