//! Versions in order, as their programs' manuals have it; `tests/version_order.rs` asks the programs themselves.

use super::*;
use proptest::prelude::*;

fn ascending(order: Order, versions: &[&str]) {
    for pair in versions.windows(2) {
        assert!(sort_key(pair[0], order) < sort_key(pair[1], order), "{order:?}: {} < {}", pair[0], pair[1]);
    }
}

#[test]
fn as_dpkg_orders_them() {
    ascending(
        Order::Dpkg,
        &[
            "~",
            "1~~",
            "1~~a",
            "1~",
            "1",
            "1-1",
            "1a",
            "1+b",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-2",
            "1.0-10",
            "1.2",
            "1.10",
            "2",
            "1:0.1",
            "10:0",
        ],
    );
    for (one, other) in [("010", "10"), ("1.0", "1.0-0"), ("0:1", "1"), ("1a", "1a0"), ("1.00-0", "1.0")] {
        assert_eq!(sort_key(one, Order::Dpkg), sort_key(other, Order::Dpkg), "{one} {other}");
    }
    ascending(Order::Dpkg, &["21710", "30000", "100000"]);
}

#[test]
fn as_rpm_orders_them() {
    ascending(
        Order::Rpm,
        &[
            "1.0~rc1-1",
            "1.0",
            "1.0-1.fc39",
            "1.0-1.fc40",
            "1.0-10.fc39",
            "1.0^git1-1",
            "1.0a-1",
            "1.0.1-1",
            "1.2-1",
            "1.10-1",
            "2a",
            "2.1",
            "1:0.1-1",
        ],
    );
    for (one, other) in [("1.0", "1_0"), ("01", "1"), ("1.0.", "1.0"), ("0:1", "1"), ("1..2", "1.2")] {
        assert_eq!(sort_key(one, Order::Rpm), sort_key(other, Order::Rpm), "{one} {other}");
    }
    ascending(Order::Rpm, &["8", "9", "10"]);
}

#[test]
fn as_kernels_follow_each_other() {
    ascending(
        Order::Kernel,
        &[
            "6.1.0-rc1",
            "6.1.0-rc2+",
            "6.1.0-rc10",
            "6.1.0",
            "6.1.0-9-amd64",
            "6.1.0-13-amd64",
            "6.1.13",
            "6.12.6-amd64",
            "6.18.0-rc1-custom",
            "6.18.0",
        ],
    );
}

#[test]
fn what_is_no_version() {
    for text in ["", "1\n", "1\u{0}", "\u{85}", &"1".repeat(129)] {
        assert_eq!(sort_key(text, Order::Dpkg), None, "{text:?}");
    }
    assert!(sort_key(&"1".repeat(128), Order::Rpm).is_some());
}

#[test]
fn the_order_of_a_system() {
    for system in [
        "fedora",
        "fedora_workstation",
        "opensuse-leap",
        "opensuse-tumbleweed",
        "sles",
        "rhel",
        "amzn",
        "openeuler",
    ] {
        assert_eq!(Order::for_system(system), Order::Rpm, "{system}");
    }
    for system in ["debian", "ubuntu", "clear-linux-os", "arch", "", "unknown", "fedorable"] {
        assert_eq!(Order::for_system(system), Order::Dpkg, "{system}");
    }
}

proptest! {
    #[test]
    fn any_text_has_a_key_or_none(text in any::<String>()) {
        for order in [Order::Dpkg, Order::Rpm, Order::Kernel] {
            let key = sort_key(&text, order);
            prop_assert_eq!(key.is_none(), text.is_empty() || text.len() > 128 || text.chars().any(char::is_control));
        }
    }

    #[test]
    fn plain_numbers_are_numbers(one in any::<u64>(), other in any::<u64>()) {
        for order in [Order::Dpkg, Order::Rpm, Order::Kernel] {
            let key = |number: u64| sort_key(&number.to_string(), order);
            prop_assert_eq!(key(one).cmp(&key(other)), one.cmp(&other));
        }
    }
}
