// A panic, compiled with panic=abort.
mod store {
    pub struct Shelf<T>(pub Vec<T>);

    impl<T: Clone> Shelf<T> {
        #[inline(never)]
        pub fn third(&self) -> T {
            self.0.get(2).expect("three things").clone()
        }
    }
}

fn main() {
    let shelf = store::Shelf(std::env::args().collect());
    println!("{}", shelf.third());
}
