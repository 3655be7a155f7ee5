//! Who is behind a user id: the owner of a range of subordinate ids (subuid(5)) can act as each of them, and is one user.

use super::Holder;

const ROOT: u32 = 0;

/// Ranges that are looked at, of the many that an administrator may have given out.
const RANGES: usize = 65_536;

/// Which user ids are one user, and which are the system's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Of the daemons.
    own_uid: u32,
    ranges: Vec<Range>,
}

/// Subordinate ids of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
    account: u32,
}

impl Accounts {
    /// Nobody has subordinate ids; `own_uid` is the daemons' user.
    pub fn new(own_uid: u32) -> Self {
        Self { own_uid, ranges: Vec::new() }
    }

    /// Those of subuid(5), whose owners stand there by their names or ids; `passwd` is passwd(5). Lines that are none count as
    /// not there. Who owns a range and has no id there, such as a user of the network, counts as the first of his ids; so
    /// does root, who has containers there and no share.
    pub fn from_text(own_uid: u32, subuid: &str, passwd: &str) -> Self {
        let mut accounts = Self::new(own_uid);
        let mut by_owner: Vec<(&str, u32)> = Vec::new();
        for (owner, first, last) in subuid.lines().filter_map(parse_range).take(RANGES) {
            let known = by_owner.iter().find(|(name, _)| *name == owner).map(|(_, account)| *account);
            let account = known.unwrap_or_else(|| {
                let id = user_id(owner, passwd).filter(|id| ![ROOT, own_uid].contains(id));
                let account = id.unwrap_or(first);
                by_owner.push((owner, account));
                account
            });
            accounts.ranges.push(Range { first, last, account });
        }
        accounts
    }

    /// Whose share a record of this sender is from.
    pub fn holder(&self, sender: Option<u32>) -> Holder {
        match sender {
            None => Holder::Unknown,
            Some(id) if id == ROOT || id == self.own_uid => Holder::System,
            Some(id) => {
                let range = self.ranges.iter().find(|range| (range.first..=range.last).contains(&id));
                Holder::User(range.map_or(id, |range| range.account))
            }
        }
    }
}

/// `OWNER:FIRST:COUNT`.
fn parse_range(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.trim().split(':');
    let (owner, first, count) = (fields.next()?, fields.next()?, fields.next()?);
    let (first, count) = (first.parse::<u32>().ok()?, count.parse::<u32>().ok()?);
    (!owner.is_empty()).then_some((owner, first, first.saturating_add(count.checked_sub(1)?)))
}

/// The id of a user who stands in passwd(5) by this name, or whose id this is.
fn user_id(owner: &str, passwd: &str) -> Option<u32> {
    let by_name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == owner).then(|| fields.nth(1)?.parse().ok())?
    });
    by_name.or_else(|| owner.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &str =
        "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\ntelemetry:x:990:990::/:/bin/false\n";

    #[test]
    fn ids_of_a_range_are_their_owner() {
        let subuid = "alice:100000:65536\n1001:165536:65536\n\nremote:300000:10\nremote:400000:10\nroot:500000:10\n\
                      telemetry:600000:10\nalice:700000:1\n# no range\nbad:x:1\nbad:1\nbad:7:0\nmany:4294967290:100\n";
        let accounts = Accounts::from_text(990, subuid, PASSWD);
        for (id, account) in [
            (1000, 1000),
            (100_000, 1000),
            (165_535, 1000),
            (165_536, 1001),
            (1001, 1001),
            (231_071, 1001),
            (231_072, 231_072),
            (300_005, 300_000),
            (400_005, 300_000),
            (500_003, 500_000),
            (600_003, 600_000),
            (700_000, 1000),
            (700_001, 700_001),
            (7, 7),
            (u32::MAX, 4_294_967_290),
        ] {
            assert_eq!(accounts.holder(Some(id)), Holder::User(account), "{id}");
        }
        assert_eq!([Some(0), Some(990)].map(|id| accounts.holder(id)), [Holder::System; 2]);
        assert_eq!(accounts.holder(None), Holder::Unknown);
    }

    proptest! {
        #[test]
        fn any_text_is_read(subuid in any::<String>(), passwd in any::<String>(), id in any::<u32>()) {
            let accounts = Accounts::from_text(990, &subuid, &passwd);
            prop_assert!(id == 0 || id == 990 || matches!(accounts.holder(Some(id)), Holder::User(_)));
        }
    }
}
