//! The kernel's page tables: every page has one protection, and none is writable and executable.

use spin::{Mutex, Once};
use x86_64::{
    PhysAddr, VirtAddr,
    instructions::tlb,
    registers::{
        control::{Cr3, Cr3Flags},
        model_specific::Msr,
    },
    structures::paging::{
        FrameDeallocator, Mapper, OffsetPageTable, Page, PageTable, PageTableFlags, PhysFrame,
        Size2MiB, Size4KiB, Translate, mapper::TranslateResult,
    },
};

use super::{
    direct,
    frames::{FRAMES, Frames},
    layout::{self, PAGE},
};
use crate::boot::Region;

/// What a page may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Read only.
    Read,
    /// Read and write, never executed.
    ReadWrite,
    /// Read and execute, never written.
    ReadExecute,
}

impl Protection {
    fn flags(self) -> PageTableFlags {
        PageTableFlags::PRESENT
            | match self {
                Self::Read => PageTableFlags::NO_EXECUTE,
                Self::ReadWrite => PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE,
                Self::ReadExecute => PageTableFlags::empty(),
            }
    }
}

/// How a page is cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caching {
    /// Write-back: RAM.
    WriteBack,
    /// Writes are gathered: framebuffers.
    WriteCombined,
    /// Every access reaches the device: registers.
    Uncached,
}

impl Caching {
    /// PAT entry 1 is write-combining here (`set_up_pat`), entry 3 is uncached by default.
    fn flags(self) -> PageTableFlags {
        match self {
            Self::WriteBack => PageTableFlags::empty(),
            Self::WriteCombined => PageTableFlags::WRITE_THROUGH,
            Self::Uncached => PageTableFlags::WRITE_THROUGH | PageTableFlags::NO_CACHE,
        }
    }
}

/// The active tables.
static TABLES: Once<Mutex<OffsetPageTable<'static>>> = Once::new();

/// Linker-made bounds of the kernel's image; only their addresses mean something.
mod image {
    unsafe extern "C" {
        pub static __text_start: u8;
        pub static __text_end: u8;
        pub static __rodata_start: u8;
        pub static __rodata_end: u8;
        pub static __data_start: u8;
        pub static __data_end: u8;
    }
}

/// The parts of the kernel's image: first address, first address after, protection.
fn kernel_parts() -> [(u64, u64, Protection); 3] {
    use image::{__data_end, __data_start, __rodata_end, __rodata_start, __text_end, __text_start};
    let at = |symbol: *const u8| symbol as u64;
    [
        (
            at(&raw const __text_start),
            at(&raw const __text_end),
            Protection::ReadExecute,
        ),
        (
            at(&raw const __rodata_start),
            at(&raw const __rodata_end),
            Protection::Read,
        ),
        (
            at(&raw const __data_start),
            at(&raw const __data_end),
            Protection::ReadWrite,
        ),
    ]
}

/// Whether `address` lies in the kernel's code.
pub fn is_kernel_code(address: u64) -> bool {
    let [(start, end, _), ..] = kernel_parts();
    (start..end).contains(&address)
}

/// First physical address after the kernel's image.
pub fn kernel_end() -> u64 {
    let [.., (_, end, _)] = kernel_parts();
    end - layout::KERNEL
}

/// Makes page tables with the kernel's image and the direct map of `ram`, and switches to them.
///
/// # Panics
///
/// Where RAM is too small for the tables.
///
/// # Safety
///
/// To be called once, on the boot tables, with frames in [`FRAMES`].
pub unsafe fn take_over(ram: impl Iterator<Item = Region>) {
    let mut frames = FRAMES.lock();
    let root = frames.allocate().expect("a frame for the root table");
    let root_table = direct(root.start_address().as_u64()).as_mut_ptr::<PageTable>();
    // SAFETY: the frame is new, zeroed (an empty table) and in the direct map.
    let root_table: &'static mut PageTable = unsafe { &mut *root_table };
    // SAFETY: the direct map has all frames at this offset, in these tables and the boot tables.
    let mut tables = unsafe { OffsetPageTable::new(root_table, VirtAddr::new(layout::DIRECT_MAP)) };

    for (start, end, protection) in kernel_parts() {
        for address in (start..end).step_by(PAGE as usize) {
            let frame = PhysFrame::containing_address(PhysAddr::new(address - layout::KERNEL));
            map_in(&mut tables, &mut frames, address, frame, protection.flags());
        }
    }
    for region in ram {
        map_directly(&mut tables, &mut frames, region);
    }
    set_up_pat();
    // SAFETY: the new tables map the running code, its stack and its data where they were.
    unsafe { Cr3::write(root, Cr3Flags::empty()) };
    TABLES.call_once(|| Mutex::new(tables));
}

/// Maps the whole pages of `region` in the direct map, with large pages where it can.
fn map_directly(tables: &mut OffsetPageTable<'static>, frames: &mut Frames, region: Region) {
    const LARGE: u64 = 2 << 20;
    let flags = Protection::ReadWrite.flags();
    let mut physical = region.start.next_multiple_of(PAGE);
    while physical + PAGE <= region.end {
        if physical.is_multiple_of(LARGE) && physical + LARGE <= region.end {
            let page = Page::<Size2MiB>::containing_address(direct(physical));
            let frame = PhysFrame::containing_address(PhysAddr::new(physical));
            // SAFETY: only the direct map's owners (heap, frames) get at RAM through it.
            let flush = unsafe { tables.map_to(page, frame, flags, frames) };
            flush.expect("the direct map is mapped once").ignore();
            physical += LARGE;
        } else {
            let frame = PhysFrame::containing_address(PhysAddr::new(physical));
            map_in(tables, frames, direct(physical).as_u64(), frame, flags);
            physical += PAGE;
        }
    }
}

/// Maps one small page in tables that are not active yet.
fn map_in(
    tables: &mut OffsetPageTable<'static>,
    frames: &mut Frames,
    address: u64,
    frame: PhysFrame,
    flags: PageTableFlags,
) {
    let page = Page::<Size4KiB>::containing_address(VirtAddr::new(address));
    // SAFETY: the tables are not active, and each address is mapped once.
    let flush = unsafe { tables.map_to(page, frame, flags, frames) };
    flush.expect("an address is mapped once").ignore();
}

/// Makes entry 1 of the page attribute table write-combining instead of write-through.
fn set_up_pat() {
    /// `IA32_PAT`: eight entries of a byte.
    const PAT: u32 = 0x277;
    const WRITE_COMBINING: u64 = 1;
    let mut table = Msr::new(PAT);
    // SAFETY: every 64-bit processor has the register.
    let value = unsafe { table.read() };
    // SAFETY: no mapping uses entry 1 yet, and the other entries stay.
    unsafe { table.write(value & !0xff00 | WRITE_COMBINING << 8) }
}

/// Maps `pages` of new zeroed RAM at `start`. False, with nothing mapped, where RAM is used up.
pub fn map_new(start: u64, pages: u64, protection: Protection) -> bool {
    for page in 0..pages {
        let Some(frame) = FRAMES.lock().allocate() else {
            unmap_and_free(start, page);
            return false;
        };
        map(start + page * PAGE, frame, protection, Caching::WriteBack);
    }
    true
}

/// Maps one page at `address`.
///
/// # Panics
///
/// Where something is mapped there already, or RAM is too small for the tables.
pub fn map(address: u64, frame: PhysFrame, protection: Protection, caching: Caching) {
    let page = Page::<Size4KiB>::containing_address(VirtAddr::new(address));
    let flags = protection.flags() | caching.flags();
    let mut tables = tables().lock();
    // SAFETY: the caller owns the range of addresses; an existing mapping is refused.
    let flush = unsafe { tables.map_to(page, frame, flags, &mut *FRAMES.lock()) };
    flush.expect("an address is mapped once").flush();
}

/// Unmaps the page at `address` and says which frame was behind it.
///
/// # Panics
///
/// Where nothing is mapped there.
pub fn unmap(address: u64) -> PhysFrame {
    let page = Page::<Size4KiB>::containing_address(VirtAddr::new(address));
    let (frame, flush) = tables().lock().unmap(page).expect("a mapped page");
    flush.flush();
    frame
}

/// Unmaps `pages` pages of RAM from `start` on and gives their frames back.
pub fn unmap_and_free(start: u64, pages: u64) {
    for page in 0..pages {
        let frame = unmap(start + page * PAGE);
        // SAFETY: the frame came from `map_new` and is mapped nowhere else but in the direct map.
        unsafe { FRAMES.lock().deallocate_frame(frame) };
    }
}

/// Gives `pages` mapped pages from `start` on another protection.
///
/// # Panics
///
/// Where a page is not mapped.
pub fn protect(start: u64, pages: u64, protection: Protection) {
    for page in 0..pages {
        let page = Page::<Size4KiB>::containing_address(VirtAddr::new(start + page * PAGE));
        // SAFETY: the caller owns the pages; taking rights away is theirs to time.
        let flush = unsafe { tables().lock().update_flags(page, protection.flags()) };
        flush.expect("a mapped page").ignore();
    }
    tlb::flush_all();
}

/// Gives the mapped page at `address` these flags, present or not. The processor may still know the
/// old ones.
pub fn set_flags(address: u64, flags: PageTableFlags) {
    let page = Page::<Size4KiB>::containing_address(VirtAddr::new(address));
    // SAFETY: callers own the page; one that is not present faults where it is accessed.
    let flush = unsafe { tables().lock().update_flags(page, flags) };
    flush.expect("a page with an entry").ignore();
}

/// Has the processor read the entry of `address` anew.
pub fn flush_page(address: u64) {
    tlb::flush(VirtAddr::new(address));
}

/// Has the processor read all entries anew.
pub fn flush() {
    tlb::flush_all();
}

/// The physical address behind `address`, and its page's flags.
pub fn translate(address: u64) -> Option<(u64, PageTableFlags)> {
    let address = VirtAddr::try_new(address).ok()?;
    match tables().lock().translate(address) {
        TranslateResult::Mapped {
            frame,
            offset,
            flags,
        } => Some((frame.start_address().as_u64() + offset, flags)),
        _ => None,
    }
}

/// Whether `bytes` from `address` on are all mapped.
pub fn is_mapped(address: u64, bytes: u64) -> bool {
    let Some(end) = address.checked_add(bytes) else {
        return false;
    };
    let mut page = address & !(PAGE - 1);
    while page < end {
        if translate(page).is_none() {
            return false;
        }
        let Some(next) = page.checked_add(PAGE) else {
            return true;
        };
        page = next;
    }
    true
}

fn tables() -> &'static Mutex<OffsetPageTable<'static>> {
    TABLES.get().expect("paging is set up first")
}

/// Breaks the tables' lock, for a fault that came while it was held. From then on they are only
/// read.
pub fn fault_begins() {
    if let Some(tables) = TABLES.get()
        && tables.is_locked()
    {
        // SAFETY: the holder was interrupted for good.
        unsafe { tables.force_unlock() }
    }
}

/// Walks every table, and says how many pages are mapped.
///
/// # Panics
///
/// At a page that is writable and executable, that lies in the user half, or whose address is the
/// physical one.
pub fn audit() -> u64 {
    let tables = tables().lock();
    walk(tables.level_4_table(), 4, 0, PageTableFlags::WRITABLE)
}

/// Walks one table and says how many pages it maps: `base` is the address that its first entry
/// maps, `above` the rights that the tables above leave.
fn walk(table: &PageTable, level: u32, base: u64, above: PageTableFlags) -> u64 {
    let mut pages = 0;
    for (index, entry) in (0_u64..).zip(table.iter()) {
        let flags = entry.flags();
        if !flags.contains(PageTableFlags::PRESENT) {
            continue;
        }
        let address = VirtAddr::new_truncate(base | (index << (12 + 9 * (level - 1)))).as_u64();
        // A page is writable if every level says so, and executable if none forbids it.
        let rights = (above & flags & PageTableFlags::WRITABLE)
            | ((above | flags) & PageTableFlags::NO_EXECUTE);
        if level == 1 || flags.contains(PageTableFlags::HUGE_PAGE) {
            pages += 1;
            let physical = entry.addr().as_u64();
            assert!(
                rights != PageTableFlags::WRITABLE,
                "{address:#x} is writable and executable"
            );
            assert!(
                address >= 1 << 47,
                "{address:#x}, in the user half, is mapped"
            );
            assert!(address != physical, "{address:#x} is mapped to itself");
        } else {
            let next = direct(entry.addr().as_u64()).as_ptr::<PageTable>();
            // SAFETY: a present entry above level 1 points at a table, and the tables are locked.
            pages += walk(unsafe { &*next }, level - 1, address, rights);
        }
    }
    pages
}
