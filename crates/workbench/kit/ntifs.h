/* What wdk-sys needs of ntifs.h and mingw-w64's does not say, or says otherwise.
 *
 * Found before mingw-w64's header of the same name, which it includes. Prototypes are those of the
 * WDK (10.0.26100), from Microsoft's documentation of each function.
 */
#pragma once

/* bindgen's clang is set for the MSVC target, so that enums and layouts are Microsoft's, and then
 * does not say that it is GCC, as mingw-w64 expects. */
#define __GNUC__ 4
#define __GNUC_MINOR__ 2
#define __GNUC_PATCHLEVEL__ 1

/* mingw-w64's headers of the kernel do not know ARM64. With ARM's name they take what belongs to an
 * architecture from armddk.h; with Itanium's they lay structures out as for 64 bits that are not x64. */
#ifdef _M_ARM64
#define _M_ARM 1
#define _IA64_
#endif

/* Inline functions there, for which bindgen makes no bindings; ntoskrnl.exe exports them on x64 and
 * the WDK declares them. */
#define KeGetCurrentIrql KeGetCurrentIrql_inline
#define KfRaiseIrql KfRaiseIrql_inline
#define KeLowerIrql KeLowerIrql_inline
#include_next "ntifs.h"
#undef KeGetCurrentIrql
#undef KfRaiseIrql
#undef KeLowerIrql
NTKERNELAPI KIRQL NTAPI KeGetCurrentIrql(VOID);
NTKERNELAPI KIRQL NTAPI KfRaiseIrql(KIRQL NewIrql);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL NewIrql);

/* Memory. */
typedef ULONG64 POOL_FLAGS;
NTKERNELAPI PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);

typedef struct _MM_COPY_ADDRESS {
    union {
        PVOID VirtualAddress;
        PHYSICAL_ADDRESS PhysicalAddress;
    };
} MM_COPY_ADDRESS, *PMMCOPY_ADDRESS;
#define MM_COPY_MEMORY_PHYSICAL 0x1
#define MM_COPY_MEMORY_VIRTUAL 0x2
NTKERNELAPI NTSTATUS NTAPI MmCopyMemory(PVOID TargetAddress, MM_COPY_ADDRESS SourceAddress,
                                        SIZE_T NumberOfBytes, ULONG Flags,
                                        PSIZE_T NumberOfBytesTransferred);

/* Locks. mingw-w64 has EX_PUSH_LOCK as a macro. */
#undef EX_PUSH_LOCK
#undef PEX_PUSH_LOCK
typedef ULONG_PTR EX_PUSH_LOCK, *PEX_PUSH_LOCK;
NTKERNELAPI VOID FASTCALL ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);
NTKERNELAPI VOID FASTCALL ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags);

/* Time. */
NTKERNELAPI ULONG64 NTAPI KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp);

/* The debugger's component numbers, which wdm.h includes in the WDK. */
#include <dpfilter.h>
