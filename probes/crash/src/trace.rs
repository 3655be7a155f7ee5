//! What unwinding finds: frames, and why a backtrace ends where it ends.

/// How a frame was found, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// The registers of the thread.
    Context,
    /// Call frame information.
    Cfi,
    /// The registers that the kernel saved for a signal handler, without CFI to say so.
    SignalFrame,
    /// No CFI: the frame pointer.
    FramePointer,
    /// No CFI: the return address where a call just left it (top of the stack, or link register).
    ReturnAddress,
}

/// A frame of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The program counter: where the thread is, or where it returns to.
    pub pc: u64,
    /// The address to look up: `pc`, or within the call before it. They differ unless the frame was
    /// interrupted, by a signal or by the crash.
    pub lookup_addr: u64,
    /// Whether only a symbol that says how long it is may name it: a function that ends with a call that does not return
    /// has no CFI, and the next one begins behind the call.
    pub needs_size: bool,
    /// How it was found.
    pub how: How,
}

/// Why a backtrace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BacktraceEnd {
    /// It is whole: the outermost frame says that nothing called it.
    Outermost,
    /// There are more frames than are reported.
    TooManyFrames,
    /// Memory that the next step needs cannot be read.
    Unreadable,
    /// The next frame would be the same again: a loop, or a stack that was overwritten.
    NoProgress,
    /// The next frame would not be further up the stack, and nothing proves that it lies on another one.
    OtherStack,
    /// The return address is not in code: the stack was overwritten, or ends here and nothing says so.
    NotCode,
    /// Neither CFI nor a frame pointer leads further.
    NoWayOn,
}

/// The frames of a thread, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// At most as many as asked for.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub end: BacktraceEnd,
}
