//! The packages, Debian's and RPM's, on a machine with systemd, as its administrator lives with them: each scenario on a machine of
//! its own, which is a container. `make test-system` builds the packages and runs it.

mod activation;
mod consent;
mod crash;
mod debians_tests;
mod deploy;
mod environment;
mod failing_unit;
mod home;
mod kept_dumps;
mod killed;
mod places;
mod removal;
mod rpm_packages;
mod upgrade;
