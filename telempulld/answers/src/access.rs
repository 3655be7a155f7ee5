//! Who gets what: one table for every way. What is not in it gets nothing.
//!
//! ```text
//! owner         client= is `member`                      everything
//! central       client= is that of monitoring-params     everything; limited: certificates, operating system, our version
//! pull          role=pull, a line without words, or user and password      as central, but no SOAP
//! read          role=read                                /metrics alone
//! administrate  role=administrate                        /v1/monitoring-params alone
//! other         any other client=                        nothing
//! local         who is on this machine                   everything; SOAP by its header, as owner or central
//! ```

use telemetry_config::pull::Member;
use telemetry_trust::{Role, TrustList, Words};
use telemetry_xroad::identifier::ClientId;

/// How much of what is known somebody gets on a way. Of several rights the largest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Refused.
    Nothing,
    /// Certificates, the operating system and our version.
    Limited,
    /// All that this way has.
    Everything,
}

/// In which form somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `POST /`.
    Soap,
    /// `GET /v1/environment`.
    Environment,
    /// `GET /metrics`.
    Metrics,
    /// `/v1/monitoring-params`.
    MonitoringParams,
}

/// What somebody has proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The client that his certificate is pinned to.
    pub client: Option<ClientId>,
    /// His roles.
    pub roles: Vec<Role>,
    /// Whether he is on this machine: then his header is believed.
    pub is_local: bool,
}

/// Who counts for what here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The owner of this machine; none: no SOAP.
    pub owner: Option<&'a Member>,
    /// The central client; none: there is none.
    pub central: Option<&'a ClientId>,
    /// Whether others than the owner get less.
    pub is_limited: bool,
}

/// What a caller is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// `client=` is the owner.
    Owner,
    /// `client=` is the central client.
    Central,
    /// Any other `client=`.
    OtherClient,
    /// May ask, but not by SOAP.
    Pull,
    /// Series alone.
    Read,
    /// Changes monitoring-params.
    Administrate,
    /// On this machine.
    Local,
}

/// A row: what is given, and what while `limit_remote_data_set` holds, in the order of [`Way`].
struct Row {
    who: Who,
    plain: [Extent; 4],
    limited: [Extent; 4],
}

const NO: Extent = Extent::Nothing;
const PART: Extent = Extent::Limited;
const ALL: Extent = Extent::Everything;

/// The table. Columns: SOAP, environment, metrics, monitoring-params.
static MATRIX: [Row; 7] = [
    Row { who: Who::Owner, plain: [ALL, ALL, ALL, NO], limited: [ALL, ALL, ALL, NO] },
    Row { who: Who::Central, plain: [ALL, ALL, ALL, NO], limited: [PART, PART, NO, NO] },
    Row { who: Who::OtherClient, plain: [NO, NO, NO, NO], limited: [NO, NO, NO, NO] },
    Row { who: Who::Pull, plain: [NO, ALL, ALL, NO], limited: [NO, PART, NO, NO] },
    Row { who: Who::Read, plain: [NO, NO, ALL, NO], limited: [NO, NO, ALL, NO] },
    Row { who: Who::Administrate, plain: [NO, NO, NO, ALL], limited: [NO, NO, NO, ALL] },
    // The limit is about the remote side. Its SOAP is that of whoever its header names.
    Row { who: Who::Local, plain: [NO, ALL, ALL, NO], limited: [NO, ALL, ALL, NO] },
];

/// Those of a list who may ask for all that JSON has, which collectors do: of each all certificates that he may show. They have
/// to know our next certificate before it is shown. Who gets series alone, or asks in X-Road's words, knows nothing of next
/// certificates, and is not waited for.
pub fn who_asks(list: &TrustList) -> Vec<Vec<String>> {
    let asks =
        list.certificates().iter().filter(|line| Caller::of_line(&line.words).roles.contains(&Role::Pull));
    list.by_peer(asks.map(|line| line.fingerprint))
}

impl Caller {
    /// Who shows a certificate with such a line.
    pub fn of_line(words: &Words) -> Self {
        // A line about a server that we connect to gives no right to connect to us.
        if !words.servers.is_empty() {
            return Self::default();
        }
        let client = words.client.as_deref().map(str::parse);
        let roles =
            if words.roles.is_empty() && client.is_none() { vec![Role::Pull] } else { words.roles.clone() };
        Self { client: client.and_then(Result::ok), roles, is_local: false }
    }

    /// Who has shown a user's password instead.
    pub fn by_password() -> Self {
        Self { roles: vec![Role::Pull], ..Self::default() }
    }

    /// Who is on this machine.
    pub fn local() -> Self {
        Self { is_local: true, ..Self::default() }
    }

    /// What he gets on a way other than SOAP.
    pub fn extent(&self, way: Way, names: &Names<'_>) -> Extent {
        let by_client = self.client.as_ref().map(|client| who(client, names));
        let by_role = self.roles.iter().filter_map(|role| match role {
            Role::Pull => Some(Who::Pull),
            Role::Read => Some(Who::Read),
            Role::Administrate => Some(Who::Administrate),
            Role::Deliver | Role::Fetch => None,
        });
        let local = self.is_local.then_some(Who::Local);
        by_role.chain(by_client).chain(local).map(|who| cell(who, way, names.is_limited)).max().unwrap_or(NO)
    }

    /// What he gets by SOAP whose header names this client. It is believed where the certificate is pinned to it, and here.
    pub fn soap_extent(&self, header: &ClientId, names: &Names<'_>) -> Extent {
        match &self.client {
            _ if self.is_local => cell(who(header, names), Way::Soap, false),
            Some(client) if client == header => cell(who(client, names), Way::Soap, names.is_limited),
            _ => NO,
        }
    }
}

fn who(client: &ClientId, names: &Names<'_>) -> Who {
    let is_owner = client.subsystem.is_none() && names.owner == Some(&client.member);
    match names.central {
        _ if is_owner => Who::Owner,
        Some(central) if central == client => Who::Central,
        _ => Who::OtherClient,
    }
}

fn cell(who: Who, way: Way, is_limited: bool) -> Extent {
    let row = MATRIX.iter().find(|row| row.who == who);
    row.and_then(|row| if is_limited { row.limited.get(way as usize) } else { row.plain.get(way as usize) })
        .copied()
        .unwrap_or(NO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telemetry_trust::{Fingerprint, Grammar, TrustList};

    const OWNER: &str = "LAB/ORG/1";
    const CENTRAL: &str = "LAB/ORG/2/MON";

    fn caller(words: &str) -> Caller {
        let line = format!("{} {words}\n", Fingerprint::of_der(b"x"));
        let list = TrustList::parse(line.as_bytes(), Grammar::Administrators).unwrap();
        Caller::of_line(&list.certificates()[0].words)
    }

    /// What a caller gets: SOAP in his own name, environment, metrics, monitoring-params.
    fn extents(caller: &Caller, is_limited: bool) -> [Extent; 4] {
        let (owner, central) = (OWNER.parse().unwrap(), CENTRAL.parse().unwrap());
        let names = Names { owner: Some(&owner), central: Some(&central), is_limited };
        let header = caller.client.clone().unwrap_or_else(|| OWNER.parse().unwrap());
        let [environment, metrics, params] =
            [Way::Environment, Way::Metrics, Way::MonitoringParams].map(|way| caller.extent(way, &names));
        [caller.soap_extent(&header, &names), environment, metrics, params]
    }

    #[test]
    fn every_cell_of_the_table() {
        for (words, plain, limited) in [
            ("client=LAB/ORG/1", [ALL, ALL, ALL, NO], [ALL, ALL, ALL, NO]),
            ("client=LAB/ORG/2/MON", [ALL, ALL, ALL, NO], [PART, PART, NO, NO]),
            ("", [NO, ALL, ALL, NO], [NO, PART, NO, NO]),
            ("role=pull", [NO, ALL, ALL, NO], [NO, PART, NO, NO]),
            ("role=read", [NO, NO, ALL, NO], [NO, NO, ALL, NO]),
            ("role=administrate", [NO, NO, NO, ALL], [NO, NO, NO, ALL]),
            ("client=LAB/ORG/3", [NO; 4], [NO; 4]),
            // A subsystem of the owner is not the owner, nor a member its subsystem.
            ("client=LAB/ORG/1/S", [NO; 4], [NO; 4]),
            ("client=LAB/ORG/2", [NO; 4], [NO; 4]),
            ("client=LAB/ORG/2/MON2", [NO; 4], [NO; 4]),
            ("role=deliver", [NO; 4], [NO; 4]),
            ("server=x:1", [NO; 4], [NO; 4]),
            ("client=LAB/ORG/3 role=read", [NO, NO, ALL, NO], [NO, NO, ALL, NO]),
            ("client=LAB/ORG/2/MON role=administrate", [ALL, ALL, ALL, ALL], [PART, PART, NO, ALL]),
        ] {
            assert_eq!(extents(&caller(words), false), plain, "{words}");
            assert_eq!(extents(&caller(words), true), limited, "{words}, limited");
        }
        assert_eq!(extents(&Caller::by_password(), false), [NO, ALL, ALL, NO]);
        assert_eq!(extents(&Caller::local(), true), [ALL, ALL, ALL, NO]);
        assert_eq!(extents(&Caller::default(), false), [NO; 4]);
    }

    #[test]
    fn a_header_counts_where_the_certificate_is_pinned_to_it_and_on_this_machine() {
        let (owner, central): (Member, ClientId) = (OWNER.parse().unwrap(), CENTRAL.parse().unwrap());
        let names = Names { owner: Some(&owner), central: Some(&central), is_limited: true };
        let [as_owner, as_other]: [ClientId; 2] = [OWNER, "LAB/ORG/9"].map(|id| id.parse().unwrap());
        assert_eq!(caller("client=LAB/ORG/2/MON").soap_extent(&as_owner, &names), NO);
        assert_eq!(caller("role=pull").soap_extent(&as_owner, &names), NO);
        assert_eq!(Caller::local().soap_extent(&as_owner, &names), ALL);
        assert_eq!(Caller::local().soap_extent(&central, &names), ALL);
        assert_eq!(Caller::local().soap_extent(&as_other, &names), NO);
        assert_eq!(Caller::local().soap_extent(&as_owner, &Names::default()), NO);
    }

    proptest! {
        #[test]
        fn a_limit_never_gives_more(words in "(role=(pull|read|administrate|fetch) ){0,3}(client=LAB/ORG/[12](/MON)?)?") {
            let caller = caller(&words);
            for (plain, limited) in extents(&caller, false).into_iter().zip(extents(&caller, true)) {
                prop_assert!(limited <= plain);
            }
        }
    }
}
