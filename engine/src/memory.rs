//! How this program's memory is given out.

/// Blocks from this size on are the system's own again as soon as they are free, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_BLOCK: libc::c_int = 256 * 1024;

/// Has large blocks given back as soon as they are free.
///
/// Blobs and packs are blocks of megabytes that come from one thread and go in another. The C library learns from the first of
/// them to keep such blocks in its heaps, where the gaps between those that are in use add up: the longer a dump, the more. Call
/// this once, before anything else is done.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(
            unsafe_code,
            reason = "a setting of the C library's allocator that takes two numbers and touches nothing else"
        )]
        // SAFETY: mallopt may be called at any time; before other threads are there nothing can race with it.
        let accepted = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_BLOCK) };
        if accepted == 0 {
            tracing::debug!("the allocator keeps large blocks");
        }
    }
}
