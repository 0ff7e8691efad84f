//! System threads.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use wdk_sys::ntddk::{PsCreateSystemThread, ZwClose, ZwWaitForSingleObject};
use wdk_sys::{HANDLE, NT_SUCCESS, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, PVOID, THREAD_ALL_ACCESS};

use super::super::irql::Passive;
use super::super::{NoMemory, Owned, Tag};
use super::FALSE;
use super::registry::attributes;

/// A system thread. Dropping it waits until its body has returned, at `PASSIVE_LEVEL`: tell the
/// body to end first.
///
/// What is kept is a kernel handle, which every process has, and not the thread's object: a handle
/// that was just made can be waited for without another call that could fail.
pub struct Thread {
    handle: HANDLE,
}

// SAFETY: a kernel handle means the same in every thread.
unsafe impl Send for Thread {}
// SAFETY: as above; nothing is done with it through a shared reference.
unsafe impl Sync for Thread {}

/// What a thread starts with: it takes the block over, and the body out of it.
struct Start<F> {
    tag: Tag,
    body: Cell<Option<F>>,
}

impl Thread {
    /// Starts a thread that runs `body` once.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when there is no memory for the thread; `body` is dropped.
    pub fn try_new<F>(tag: Tag, body: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: FnOnce(Passive) + Send + 'static,
    {
        let start = Owned::try_new(
            tag,
            Start {
                tag,
                body: Cell::new(Some(body)),
            },
            irql,
        )?
        .into_raw();
        let mut handle = ptr::null_mut();
        let mut unnamed: OBJECT_ATTRIBUTES = attributes(ptr::null_mut(), ptr::null_mut());
        unnamed.Attributes = OBJ_KERNEL_HANDLE;
        // SAFETY: the token shows PASSIVE_LEVEL, and `run` takes over the block.
        let status = unsafe {
            PsCreateSystemThread(
                &raw mut handle,
                THREAD_ALL_ACCESS,
                &raw mut unnamed,
                ptr::null_mut(),
                ptr::null_mut(),
                Some(run::<F>),
                start.as_ptr().cast(),
            )
        };
        if NT_SUCCESS(status) {
            return Ok(Self { handle });
        }
        // SAFETY: there is no thread that could have taken it over.
        drop(unsafe { Owned::from_raw(tag, start) });
        Err(NoMemory)
    }

    /// Waits until the body has returned. The same as a drop, but it shows.
    pub fn join(self, _irql: Passive) {
        drop(self);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: the handle is a thread's, and a thread is dropped at PASSIVE_LEVEL.
        let _ = unsafe { ZwWaitForSingleObject(self.handle, FALSE, ptr::null_mut()) };
        // SAFETY: the handle is closed once.
        let _ = unsafe { ZwClose(self.handle) };
    }
}

/// Calls a thread's body.
///
/// # Safety
///
/// The kernel's, with the context that [`Thread::try_new`] gave it.
unsafe extern "C" fn run<F: FnOnce(Passive)>(context: PVOID) {
    let Some(start) = NonNull::new(context.cast::<Start<F>>()) else {
        return;
    };
    // SAFETY: the context is a block that this thread has taken over.
    let tag = unsafe { start.as_ref() }.tag;
    // SAFETY: `try_new` gave the block up, with this tag.
    let start = unsafe { Owned::from_raw(tag, start) };
    let body = start.body.take();
    drop(start);
    if let Some(body) = body {
        // SAFETY: a new thread starts at PASSIVE_LEVEL.
        body(unsafe { Passive::assume() });
    }
    // Returning ends the thread: the kernel's own first function calls PsTerminateSystemThread.
}
