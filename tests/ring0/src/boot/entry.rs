//! The first instructions: 32-bit mode without paging to 64-bit mode in the high half.
//!
//! The tables made here are only a way to get there: everything in them is
//! writable and executable. `memory::paging` replaces them, and with them goes
//! the identity mapping that this code runs on.

use core::arch::global_asm;

use crate::memory::layout;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4                 /* size of the name */
    .long 4                 /* size of the value */
    .long 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_entry

    .section .boot.text, "ax", @progbits
    .code32
    .global pvh_entry
pvh_entry:                  /* ebx: physical address of hvm_start_info */
    cli
    cld

    /* The first 4 GiB, in pages of 2 MiB. */
    mov edi, offset boot_directories
    mov eax, 0x83           /* present, writable, large */
    mov ecx, 2048
2:  mov [edi], eax
    mov dword ptr [edi + 4], 0
    add eax, 0x200000
    add edi, 8
    loop 2b

    /* One table of directories serves the identity map and the direct map ... */
    mov edi, offset boot_low
    mov eax, offset boot_directories + 3
    mov ecx, 4
3:  mov [edi], eax
    add eax, 4096
    add edi, 8
    loop 3b
    /* ... and one has the first GiB where the kernel is linked. */
    mov dword ptr [boot_high + 8 * 510], offset boot_directories + 3

    mov dword ptr [boot_root], offset boot_low + 3
    mov dword ptr [boot_root + 8 * {direct_slot}], offset boot_low + 3
    mov dword ptr [boot_root + 8 * 511], offset boot_high + 3

    mov eax, cr4
    or eax, 0x620           /* PAE, OSFXSR, OSXMMEXCPT: the driver uses SSE2 */
    mov cr4, eax
    mov eax, offset boot_root
    mov cr3, eax
    mov ecx, 0xc0000080     /* EFER */
    rdmsr
    or eax, 0x900           /* LME, NXE */
    wrmsr
    mov eax, cr0
    and eax, 0x9ffffffb     /* caches on, no x87 emulation */
    or eax, 0x80010023      /* PG, WP, NE, MP, PE */
    mov cr0, eax

    lgdt [boot_gdtr]
    push 8
    mov eax, offset boot_long
    push eax
    retf

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* code, 64 bits */
    .quad 0x00cf93000000ffff /* data */
boot_gdtr:
    .word 23
    .long boot_gdt
    .long 0

    .code64
boot_long:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    movabs rsp, offset {stack} + {stack_size}
    mov edi, ebx
    xor ebp, ebp
    movabs rax, offset {rust}
    call rax
    ud2

    .section .boot.bss, "aw", @nobits
    .balign 4096
boot_root: .skip 4096
boot_low: .skip 4096
boot_high: .skip 4096
boot_directories: .skip 4 * 4096
    .text
    "#,
    direct_slot = const layout::DIRECT_MAP_SLOT,
    stack = sym BOOT_STACK,
    stack_size = const BOOT_STACK_SIZE,
    rust = sym crate::early,
);

/// Bytes of the stack that is used until the guarded one exists.
const BOOT_STACK_SIZE: usize = 64 << 10;

/// A stack: 16-byte alignment is the calling convention's.
#[repr(C, align(16))]
struct Stack(core::cell::UnsafeCell<[u8; BOOT_STACK_SIZE]>);

// SAFETY: only the processor touches it, through RSP.
unsafe impl Sync for Stack {}

static BOOT_STACK: Stack = Stack(core::cell::UnsafeCell::new([0; BOOT_STACK_SIZE]));
