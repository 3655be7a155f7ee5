// An addition that overflows, in a thread, compiled with panic=abort.
#[inline(never)]
fn add(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {
    let count = std::env::args().count() as u8;
    let thread = std::thread::Builder::new().name("adder".to_owned());
    thread.spawn(move || std::process::exit(add(255, count).into())).unwrap().join().unwrap();
}
