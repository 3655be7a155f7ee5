//! crashprobe: the kernel's core_pattern handler.

use crashprobe::Args;
use std::process::ExitCode;
use std::time::Instant;
use telemetry_runtime::command_line;

fn main() -> ExitCode {
    let start = Instant::now();
    match command_line::try_parse_from::<Args>(std::env::args_os()) {
        Ok(args) => crashprobe::run(&args, start, crashprobe::work),
        Err(error) => crashprobe::refuse(&error),
    }
}
