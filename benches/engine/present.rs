//! Presents of a whole frame, from DxgkDdiPresent to the fence's completion.

use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use dxgk_port::{
    Adapter, AllocationId, Choice, Context, ContextKind, Create, Device, Fate, Flip, FullPresent,
    Into, Port, Queued, Residency, SchedulerOptions, Settings, Standard,
};
use dxgk_sys::{D3DDDIFORMAT, DXGK_CREATEDEVICEFLAGS, DXGK_PRESENTFLAGS, RECT};
use vmdisp::memory::segments::VIDEO_MEMORY_BASE;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format;
use vmdisp_in_process::{InProcess, Vga};
use vmdisp_scenarios::Machine;
use zerocopy::IntoBytes;

use super::{FRAME, HEIGHT, WIDTH, median};

/// Bytes of video memory: the primary, and two surfaces.
const VIDEO_MEMORY: u64 = 64 << 20;

/// The size of a frame.
const WHOLE: (u32, u32) = (WIDTH, HEIGHT);

/// Timeouts of the scheduler are looked at as often.
const PATIENCE: Duration = Duration::from_millis(10);

/// Presents that are queued at once.
const QUEUED: [usize; 3] = [1, 2, 8];

/// The full driver, started, in the mode, with a surface as large.
struct Desktop {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    device: Device,
    context: Context,
    /// What is presented.
    surfaces: [AllocationId; 2],
    primary: AllocationId,
}

impl Desktop {
    fn open() -> Self {
        let vga = Vga::default().with_video_memory(VIDEO_MEMORY);
        let machine = InProcess::with_adapters(&[vga]);
        let port = machine.load(Settings::default().for_full()).unwrap();
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.scheduler(SchedulerOptions {
            depth: *QUEUED.iter().max().unwrap(),
            ..SchedulerOptions::default()
        });
        let device = adapter.create_device(DXGK_CREATEDEVICEFLAGS::ZERO).unwrap();
        let standard = Standard::SharedPrimary {
            width: WIDTH,
            height: HEIGHT,
            format: D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
            source: 0,
        };
        let primary = device.create_standard(&standard).unwrap().allocations[0];
        let placement = adapter.place(primary).unwrap();
        let choice = Choice {
            primary: Some(primary),
            ..Choice::size(WIDTH, HEIGHT)
        };
        adapter.commit(&choice).unwrap();
        adapter
            .set_address(0, &placement, Flip::ModeChange)
            .unwrap();
        adapter.set_visible(0, true).unwrap();
        let data = AllocationData::picture(
            Kind::Surface,
            WIDTH,
            HEIGHT,
            format::A8R8G8B8,
            AllocationFlags::empty(),
        );
        let surface = || {
            let create = Create {
                group: &[],
                elements: &[data.as_bytes()],
                into: Into::Device,
            };
            device.create(&create).unwrap().allocations[0]
        };
        let surfaces = [surface(), surface()];
        adapter.make_resident(&surfaces).unwrap();
        adapter.idle().unwrap();
        Self {
            context: device.create_context(ContextKind::User).unwrap(),
            machine,
            port,
            adapter,
            device,
            surfaces,
            primary,
        }
    }

    /// Of the rectangle in the corner that is as large.
    fn present(&self, surface: usize, (width, height): (u32, u32)) -> Queued {
        let frame = RECT {
            left: 0,
            top: 0,
            right: width.cast_signed(),
            bottom: height.cast_signed(),
        };
        let present = FullPresent::Blt {
            source: self.surfaces[surface % 2],
            source_rect: frame,
            destination: self.primary,
            destination_rect: frame,
            sub_rects: &[],
            flags: DXGK_PRESENTFLAGS::empty(),
            color: 0,
        };
        self.context.present(&present).unwrap()
    }

    /// So many presents, one queued behind the other, until the last one's fence.
    fn presents(&self, count: usize, size: (u32, u32)) -> Duration {
        let begin = Instant::now();
        let mut last = None;
        for surface in 0..count {
            last = Some(self.present(surface, size));
            // The first one is on its way while the second one is built.
            self.adapter.pump();
        }
        if let Some(last) = last {
            self.wait(&last);
        }
        begin.elapsed()
    }

    /// Waits as an application does, asleep: a processor that looks for the end again and again takes bandwidth from
    /// the other.
    fn wait(&self, queued: &Queued) {
        loop {
            let dpcs = self.machine.dpcs();
            self.adapter.pump();
            if queued.fate().is_some() {
                break;
            }
            self.machine.wait_for_dpc(dpcs, PATIENCE);
        }
        assert_eq!(queued.fate(), Some(Fate::Executed));
    }

    /// Where in video memory an allocation lies.
    fn at(&self, allocation: AllocationId) -> NonNull<u8> {
        let Residency::Memory { address, .. } = self.adapter.residency(allocation) else {
            panic!("the allocation is not in video memory");
        };
        let offset = (address - VIDEO_MEMORY_BASE) as usize;
        let mappings = self.adapter.mappings();
        let video = mappings.iter().max_by_key(|mapping| mapping.bytes).unwrap();
        assert!(offset + FRAME <= video.bytes);
        // SAFETY: inside of the mapping, as was just seen.
        unsafe { video.address.add(offset) }
    }

    /// The same bytes by memcpy.
    fn copies(&self, count: usize) -> Duration {
        let to = self.at(self.primary);
        let from = self.surfaces.map(|surface| self.at(surface));
        let begin = Instant::now();
        for surface in 0..count {
            // SAFETY: each is room for a frame, and the engine has nothing to do.
            unsafe { ptr::copy_nonoverlapping(from[surface % 2].as_ptr(), to.as_ptr(), FRAME) };
        }
        begin.elapsed()
    }

    /// Demands that a present copies the frame: a wrong measurement would be worth nothing.
    fn check(&self) {
        for surface in 0..2 {
            let value = 0x5a + u8::try_from(surface).unwrap();
            // SAFETY: room for a frame, and the engine has nothing to do.
            unsafe { self.at(self.surfaces[surface]).write_bytes(value, FRAME) };
            let queued = self.present(surface, WHOLE);
            self.wait(&queued);
            // SAFETY: as above.
            let shown =
                unsafe { std::slice::from_raw_parts(self.at(self.primary).as_ptr(), FRAME) };
            assert!(
                shown.iter().all(|byte| *byte == value),
                "a frame that is not shown"
            );
        }
    }

    fn close(self) {
        self.context.destroy().unwrap();
        self.adapter.set_visible(0, false).unwrap();
        self.device.destroy().unwrap();
        self.adapter.stop().unwrap();
        self.adapter.remove().unwrap();
        self.machine.unload(&self.port);
        let report = self.port.report();
        assert!(report.is_clean(), "{:?}", report.violations);
    }
}

/// Measures, and prints the table.
pub fn run(rounds: usize) {
    let desktop = Desktop::open();
    desktop.check();
    println!(
        "\nPresents of a {WIDTH} x {HEIGHT} frame to the primary (medians of {rounds} rounds):\n"
    );
    println!(
        "| | present, ms a frame | memcpy, ms a frame | present, GB/s | memcpy, GB/s | ratio |"
    );
    println!("|---|---|---|---|---|---|");
    for count in QUEUED {
        let (mut presents, mut copies) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Who comes first finds other caches than who comes second.
            if round % 2 == 0 {
                presents.push(desktop.presents(count, WHOLE));
                copies.push(desktop.copies(count));
            } else {
                copies.push(desktop.copies(count));
                presents.push(desktop.presents(count, WHOLE));
            }
        }
        let frame = |times| median(times).as_secs_f64() / count as f64;
        let (present, copy) = (frame(presents), frame(copies));
        let rate = |seconds: f64| FRAME as f64 / seconds / 1e9;
        let name = match count {
            1 => "one, until its fence".to_owned(),
            _ => format!("{count} queued, until the last fence"),
        };
        println!(
            "| {name} | {:.3} | {:.3} | {:.1} | {:.1} | {:.2} |",
            present * 1e3,
            copy * 1e3,
            rate(present),
            rate(copy),
            copy / present
        );
    }
    let pixels = (0..rounds).map(|_| desktop.presents(1, (1, 1))).collect();
    println!(
        "\nA present of one pixel until its fence, median: {:.1} us.",
        median(pixels).as_secs_f64() * 1e6
    );
    desktop.close();
}
