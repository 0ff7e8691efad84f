//! What QueryAdapterInfo answers, against docs/caps.md.

use core::ffi::c_void;
use core::ptr;
use std::borrow::ToOwned;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_DRIVERCAPS, DXGK_QUERYADAPTERINFOTYPE, DXGK_QUERYSEGMENTOUT3, DXGK_SEGMENTDESCRIPTOR3,
    DXGK_SEGMENTFLAGS, DXGKARG_QUERYADAPTERINFO,
};

use super::{handles, information, initialization_data};
use crate::adapter::{Adapter, TAG};
use crate::kernel::Owned;
use crate::kernel::host::{Entered, World};
use crate::kernel::testing::passive;

const TABLE: &str = include_str!("../../docs/caps.md");

/// What WDDM 1.3 has of the capabilities, in bytes.
const CAPS_BYTES: usize = 552;

struct Rig {
    adapter: Owned<Adapter>,
    _entered: Entered,
    _world: World,
}

fn rig() -> Rig {
    let world = World::new();
    let entered = world.enter();
    let adapter = Adapter::try_new(passive()).unwrap();
    let adapter = Owned::try_new(TAG, adapter, passive()).unwrap();
    handles::register((&*adapter).into(), passive()).unwrap();
    adapter.segments.set(0xe000_0000, 16 << 20, 64);
    Rig {
        adapter,
        _entered: entered,
        _world: world,
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        handles::unregister(ptr::from_ref(&*self.adapter).cast(), passive()).unwrap();
    }
}

impl Rig {
    fn ask(&self, kind: DXGK_QUERYADAPTERINFOTYPE, out: *mut c_void, bytes: usize) -> i32 {
        let mut argument = DXGKARG_QUERYADAPTERINFO::ZERO;
        argument.Type = kind;
        argument.pOutputData = out;
        argument.OutputDataSize = bytes.try_into().unwrap();
        let adapter = ptr::from_ref(&*self.adapter).cast_mut().cast();
        // SAFETY: a live adapter, and a buffer of so many bytes.
        unsafe { information::query_adapter_info(adapter, &raw const argument) }
    }

    /// The answer of that many bytes, which are checked to be all that is written.
    fn answer(&self, kind: DXGK_QUERYADAPTERINFOTYPE, bytes: usize) -> Option<Vec<u8>> {
        let mut out = std::vec![0xcc_u8; bytes + 16];
        let status = self.ask(kind, out.as_mut_ptr().cast(), bytes);
        assert!(out.split_off(bytes).iter().all(|byte| *byte == 0xcc));
        (status == STATUS_SUCCESS).then_some(out)
    }
}

/// The capabilities that differ from zero by their names, and what is left of them.
fn reported(rig: &Rig) -> BTreeMap<String, u64> {
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS;
    let bytes = rig.answer(kind, CAPS_BYTES).unwrap();
    let mut caps = DXGK_DRIVERCAPS::ZERO;
    // SAFETY: as many bytes as the version has, which are a prefix of the structure.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut caps).cast(), CAPS_BYTES) };
    let mut found = BTreeMap::new();
    macro_rules! numbers {
        ($($name:literal: $place:expr => $value:expr, $zero:expr;)*) => {$(
            found.insert($name.to_owned(), $value);
            $place = $zero;
        )*};
    }
    // SAFETY: all of its bytes are a number.
    let highest = unsafe { caps.HighestAcceptableAddress.QuadPart }.cast_unsigned();
    numbers! {
        "HighestAcceptableAddress": caps.HighestAcceptableAddress.QuadPart => highest, 0;
        "MaxAllocationListSlotId": caps.MaxAllocationListSlotId => caps.MaxAllocationListSlotId.into(), 0;
        "ApertureSegmentCommitLimit": caps.ApertureSegmentCommitLimit => caps.ApertureSegmentCommitLimit as u64, 0;
        "MaxQueuedFlipOnVSync": caps.MaxQueuedFlipOnVSync => caps.MaxQueuedFlipOnVSync.into(), 0;
        "GpuEngineTopology.NbAsymetricProcessingNodes": caps.GpuEngineTopology.NbAsymetricProcessingNodes => caps.GpuEngineTopology.NbAsymetricProcessingNodes.into(), 0;
        "WDDMVersion": caps.WDDMVersion.0 => caps.WDDMVersion.0.try_into().unwrap(), 0;
        "PreemptionCaps.GraphicsPreemptionGranularity": caps.PreemptionCaps.GraphicsPreemptionGranularity.0 => caps.PreemptionCaps.GraphicsPreemptionGranularity.0.try_into().unwrap(), 0;
        "PreemptionCaps.ComputePreemptionGranularity": caps.PreemptionCaps.ComputePreemptionGranularity.0 => caps.PreemptionCaps.ComputePreemptionGranularity.0.try_into().unwrap(), 0;
        "SupportNonVGA": caps.SupportNonVGA => caps.SupportNonVGA.into(), 0;
        "SupportSmoothRotation": caps.SupportSmoothRotation => caps.SupportSmoothRotation.into(), 0;
        "SupportPerEngineTDR": caps.SupportPerEngineTDR => caps.SupportPerEngineTDR.into(), 0;
        "SupportDirectFlip": caps.SupportDirectFlip => caps.SupportDirectFlip.into(), 0;
        "SupportSurpriseRemovalInHibernation": caps.SupportSurpriseRemovalInHibernation => caps.SupportSurpriseRemovalInHibernation.into(), 0;
    }
    macro_rules! flags {
        ($($name:ident),*) => {$(
            for (flag, _) in caps.$name.iter_names() {
                found.insert(format!("{}.{flag}", stringify!($name)), 1);
            }
            caps.$name = caps.$name.difference(caps.$name);
        )*};
    }
    flags!(FlipCaps, SchedulingCaps, PresentationCaps);
    // SAFETY: the structure is numbers.
    let left = unsafe { core::slice::from_raw_parts((&raw const caps).cast::<u8>(), CAPS_BYTES) };
    assert!(
        left.iter().all(|byte| *byte == 0),
        "a capability that the test does not know"
    );
    found.retain(|_, value| *value != 0);
    found
}

/// The first table's rows, cell by cell.
fn rows() -> Vec<Vec<String>> {
    let rows = TABLE.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_string())
            .collect()
    })
    .collect()
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

/// What is between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_says_what_the_driver_does() {
    let listed: BTreeMap<_, _> = rows()
        .iter()
        .map(|row| (quoted(&row[0])[0].to_owned(), number(&row[1])))
        .collect();
    assert_eq!(listed, reported(&rig()));
}

/// Whether the driver's table has a callback.
fn is_entered(callback: &str) -> bool {
    let data = initialization_data();
    macro_rules! find {
        ($($name:ident)*) => {
            match callback {
                $(stringify!($name) => data.$name.is_some(),)*
                other => panic!("{other} is not known here"),
            }
        };
    }
    find! {
        DxgkDdiBuildPagingBuffer DxgkDdiRender DxgkDdiPatch DxgkDdiPresent DxgkDdiSetVidPnSourceAddress
        DxgkDdiCreateContext DxgkDdiDestroyContext DxgkDdiControlInterrupt DxgkDdiPreemptCommand
        DxgkDdiSubmitCommand DxgkDdiCancelCommand DxgkDdiGetNodeMetadata
        DxgkDdiStopDeviceAndReleasePostDisplayOwnership DxgkDdiUpdateActiveVidPnPresentPath
        DxgkDdiQueryEngineStatus DxgkDdiQueryDependentEngineGroup DxgkDdiResetEngine
        DxgkDdiNotifySurpriseRemoval DxgkDdiRenderKm
    }
}

#[test]
fn what_is_behind_a_capability_is_there_and_tested() {
    let rows = rows();
    assert!(rows.len() >= 19, "{}", rows.len());
    for row in rows {
        let callbacks = quoted(&row[2]);
        let callbacks = callbacks.iter().filter(|name| name.starts_with("DxgkDdi"));
        for callback in callbacks {
            assert!(is_entered(callback), "{}: {callback}", row[0]);
        }
        let [file, function] = quoted(&row[3])[..] else {
            panic!("{}: no test", row[0]);
        };
        let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("fn {function}(")),
            "{}: {file} {function}",
            row[0]
        );
    }
    assert!(!is_entered("DxgkDdiRenderKm"));
}

#[test]
fn shorter_structures_of_older_systems_get_what_fits() {
    let rig = rig();
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS;
    let whole = rig.answer(kind, CAPS_BYTES).unwrap();
    for bytes in [1, 8, 70, 528, 538, 551, 700] {
        let answer = rig.answer(kind, bytes).unwrap();
        // A member that is cut is not written at all.
        for (place, byte) in answer.iter().enumerate() {
            assert!(*byte == 0 || *byte == whole[place]);
        }
    }
    assert_eq!(
        rig.ask(kind, ptr::null_mut(), CAPS_BYTES),
        STATUS_INVALID_PARAMETER
    );
}

#[test]
fn time_stamps_are_whole() {
    let rig = rig();
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_HISTORYBUFFERPRECISION;
    assert_eq!(rig.answer(kind, 4).unwrap(), 64_u32.to_le_bytes());
    assert_eq!(rig.answer(kind, 8).unwrap(), 64_u64.to_le_bytes());
    assert!(rig.answer(kind, 3).is_none());
    assert_eq!(rig.ask(kind, ptr::null_mut(), 4), STATUS_INVALID_PARAMETER);
}

#[test]
fn no_component_has_power_of_its_own() {
    let rig = rig();
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_NUMPOWERCOMPONENTS;
    assert_eq!(rig.answer(kind, 4).unwrap(), [0; 4]);
    assert!(rig.answer(kind, 2).is_none());
}

#[test]
fn segments_are_asked_for_twice() {
    let rig = rig();
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT3;
    let mut out = DXGK_QUERYSEGMENTOUT3::ZERO;
    let bytes = size_of_val(&out);
    assert_eq!(rig.ask(kind, (&raw mut out).cast(), bytes), STATUS_SUCCESS);
    assert_eq!((out.NbSegment, out.PagingBufferSegmentId), (2, 0));
    assert_eq!(
        (out.PagingBufferSize, out.PagingBufferPrivateDataSize),
        (64 << 10, 4096)
    );
    let mut segments = [DXGK_SEGMENTDESCRIPTOR3::ZERO; 2];
    out.pSegmentDescriptor = segments.as_mut_ptr();
    assert_eq!(rig.ask(kind, (&raw mut out).cast(), bytes), STATUS_SUCCESS);
    assert_eq!(
        segments[0].Flags,
        DXGK_SEGMENTFLAGS::CpuVisible | DXGK_SEGMENTFLAGS::DirectFlip
    );
    assert_eq!(
        (segments[0].Size, segments[0].CommitLimit),
        (16 << 20, 16 << 20)
    );
    assert_eq!(
        segments[1].Flags,
        DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::CacheCoherent
    );
    assert_eq!(
        (segments[1].Size, segments[1].CommitLimit),
        (256 << 20, 256 << 20)
    );
}

#[test]
fn private_data_name_the_adapter() {
    let rig = rig();
    let kind = DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_UMDRIVERPRIVATE;
    assert_eq!(rig.answer(kind, 32).unwrap()[..4], *b"VmAd");
    assert!(rig.answer(kind, 31).is_none());
}

#[test]
fn what_is_not_known_is_refused() {
    let rig = rig();
    for kind in [2, 3, 4, 7, 8, 9, 11, 13, 14, 15, 16, 47, -1] {
        assert!(
            rig.answer(DXGK_QUERYADAPTERINFOTYPE(kind), 64).is_none(),
            "{kind}"
        );
    }
}
