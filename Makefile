# The front door. `make` alone lists what there is.
#
# Paths follow the GNU names, so that a packager finds what he expects:
#     make build prefix=/usr SERVER=https://telemetry.example.org/v2/collector
#     make install prefix=/usr SERVER=... DESTDIR=/tmp/package
# They are compiled in: give `build` and `install` the same.

prefix         ?= /usr/local
exec_prefix    ?= $(prefix)
bindir         ?= $(exec_prefix)/bin
libdir         ?= $(exec_prefix)/lib
libexecdir     ?= $(exec_prefix)/libexec
includedir     ?= $(prefix)/include
datadir        ?= $(prefix)/share
mandir         ?= $(datadir)/man
sysconfdir     ?= /etc
localstatedir  ?= /var
runstatedir    ?= /run
unitdir        ?= $(prefix)/lib/systemd/system
tmpfilesdir    ?= $(prefix)/lib/tmpfiles.d
sysusersdir    ?= $(prefix)/lib/sysusers.d
sysctldir      ?= $(prefix)/lib/sysctl.d
generatordir   ?= $(prefix)/lib/systemd/system-generators
systemconfdir  ?= $(prefix)/lib/systemd/system.conf.d
bashcompdir    ?= $(datadir)/bash-completion/completions
zshcompdir     ?= $(datadir)/zsh/site-functions
fishcompdir    ?= $(datadir)/fish/vendor_completions.d
mibdir         ?= $(datadir)/snmp/mibs
snmpdconfdir   ?= $(sysconfdir)/snmp/snmpd.conf.d
# URL that records are posted to where no configuration file names one; empty: the
# administrator has to set one.
SERVER         ?=
# 1: without journalprobe, its units and its manual, the one program that needs libsystemd.
WITHOUT_LIBSYSTEMD ?=

# Who publishes this: packages and SECURITY.md name them. What is not set is `unset.invalid` there, which is nobody's
# address (RFC 6761), and `make deb` and `make rpm` say so. Neither ' nor | can stand in them.
REPOSITORY       ?= https://unset.invalid/telemetrics-client
MAINTAINER       ?= telemetrics-client authors <maintainer@unset.invalid>
SECURITY_CONTACT ?= $(MAINTAINER)

CARGO          ?= cargo

# Flags of the environment take the place of those in .cargo/config.toml, which say why this is needed.
ifdef RUSTFLAGS
export RUSTFLAGS := $(RUSTFLAGS) --cfg getrandom_backend="linux_getrandom"
endif
CC             ?= cc
INSTALL        ?= install
# What `install-files` takes: `release`, or `debug` after `make build-debug`.
PROFILE        ?= release
# Each fuzz target runs so long in `make fuzz`.
SECONDS         = 60
# ... and so long in `make test`.
TEST_FUZZ_SECS ?= 8

SHELL          := /bin/bash
.SHELLFLAGS    := -eu -o pipefail -c
MAKEFLAGS      += --no-print-directory

target_dir     := $(or $(CARGO_TARGET_DIR),target)
built           = $(target_dir)/$(PROFILE)
version        := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
say             = @printf '==> %s\n'
without_journal := $(filter 1,$(WITHOUT_LIBSYSTEMD))
export WITHOUT_LIBSYSTEMD

# What libtelemetry/build.rs and telempostd compile in.
build_paths = TELEMETRICS_SYSCONFDIR='$(sysconfdir)' TELEMETRICS_LOCALSTATEDIR='$(localstatedir)' \
	TELEMETRICS_RUNSTATEDIR='$(runstatedir)' TELEMETRICS_DATADIR='$(datadir)' \
	TELEMETRICS_LIBEXECDIR='$(libexecdir)' TELEMETRICS_SERVER='$(SERVER)'

# Paths in units, manual pages and the like.
fill = sed -e 's|@BINDIR@|$(bindir)|g' -e 's|@LIBEXECDIR@|$(libexecdir)|g' \
	-e 's|@DATADIR@|$(datadir)|g' -e 's|@SYSCONFDIR@|$(sysconfdir)|g' \
	-e 's|@LOCALSTATEDIR@|$(localstatedir)|g' -e 's|@RUNSTATEDIR@|$(runstatedir)|g' \
	-e 's|@SERVER@|$(SERVER)|g' -e 's|@prefix@|$(prefix)|g' -e 's|@includedir@|$(includedir)|g' \
	-e 's|@libdir@|$(libdir)|g' -e 's|@version@|$(version)|g' -e 's|@REPOSITORY@|$(REPOSITORY)|g' \
	-e 's|@MAINTAINER@|$(MAINTAINER)|g' -e 's|@SECURITY_CONTACT@|$(SECURITY_CONTACT)|g'

unset_contacts = $(foreach name,REPOSITORY MAINTAINER SECURITY_CONTACT,$(if $(findstring unset.invalid,$($(name))),$(name)))
# For targets that make packages.
name_unset_contacts = @[ -z '$(unset_contacts)' ] || \
	echo 'make $@: not set, so that the packages name unset.invalid instead: $(unset_contacts)' >&2

.PHONY: help
help:
	@echo 'make deps           install or name what the build and the tests need'
	@echo 'make build          build all programs and libtelemetry.so.4, optimized'
	@echo 'make build-debug    the same for debugging and for the tests'
	@echo 'make demo           show records going from programs to a collector, and what it says of a fleet (KEEP=1: until Ctrl-C)'
	@echo 'make pictures       main pages at three widths, into $(target_dir)/pictures'
	@echo 'make test           every check that a change has to pass'
	@echo 'make test-system    installs the packages on machines with systemd, containers, and lives with them (root)'
	@echo 'make torture        kills, power cuts, full disks, rude clients, hostile users, bad lines: what `make test` does, at length'
	@echo 'make bench          measure against the floors of this machine (BENCH="crash kernel_log" for some; of BENCH=collector'
	@echo '                    COLLECTOR="posts two memory" leaves out 10 million records, which take 10 GB and an hour or two)'
	@echo 'make fuzz           run each fuzz target for SECONDS=$(SECONDS)'
	@echo 'make install        build and install below prefix=$(prefix) (DESTDIR=... for packages)'
	@echo 'make install-files  install what is built, without building'
	@echo 'make uninstall      remove what install put there, with the same variables'
	@echo 'make install-environment, uninstall-environment   the same for what reads how the machine is'
	@echo 'make install-collector, uninstall-collector   the same for the collector'
	@echo 'make deploy         install-collector, then PostgreSQL, nginx and all started, on a fresh Debian or Ubuntu (root)'
	@echo 'make deb            the Debian packages, into $(target_dir)/deb'
	@echo 'make rpm            the RPM packages, into $(target_dir)/rpm'
	@echo 'make clean          remove what was built'

# ---- build -------------------------------------------------------------------------------------------

.PHONY: deps build build-debug demo bench fuzz clean
deps:
	@tools/deps.sh test

# No C is compiled: the time that dpkg and rpm set for that would only have crates built again.
build:
	$(say) 'building (release)'
	@env -u SOURCE_DATE_EPOCH $(build_paths) $(CARGO) build --workspace $(without_journal:%=--exclude journalprobe) --release --locked
	@CC='$(CC)' libtelemetry/link-shared.sh $(target_dir)/release/libtelemetry.a $(target_dir)/release/clib
	@$(target_dir)/release/completions $(target_dir)/release/shell

build-debug:
	$(say) 'building (debug)'
	@$(CARGO) build --workspace --locked
	@CC='$(CC)' libtelemetry/link-shared.sh $(target_dir)/debug/libtelemetry.a $(target_dir)/debug/clib
	@$(target_dir)/debug/completions $(target_dir)/debug/shell

demo:
	@tools/deps.sh build
	@$(MAKE) build
	@CC='$(CC)' KEEP='$(KEEP)' tests/demo.sh

# By the test that draws them in any case.
.PHONY: pictures
pictures: deps
	@PICTURES='$(abspath $(target_dir))/pictures' $(CARGO) test -p telem-collector --locked --test browser pictures
	@ls -1 '$(target_dir)/pictures'/*.png

bench: build
	@$(if $(filter-out collector status,$(BENCH))$(if $(BENCH),,all),$(target_dir)/release/bench $(filter-out collector status,$(BENCH)))
	@$(if $(filter collector,$(BENCH))$(if $(BENCH),,all),$(CARGO) bench -p telem-collector --locked --bench collector -- $(COLLECTOR))
	@$(if $(filter collector,$(BENCH))$(if $(BENCH),,all),$(CARGO) bench -p telem-collector --locked --bench pulls --bench sync)
	@$(if $(filter status,$(BENCH))$(if $(BENCH),,all),$(CARGO) bench -p telem-collector --locked --bench status)

fuzz:
	@fuzz/run.sh $(SECONDS)

clean:
	$(CARGO) clean
	rm -rf fuzz/target fuzz/corpus fuzz/artifacts

# ---- test --------------------------------------------------------------------------------------------

# The quick ones first. Each can be run alone.
checks = check-format check-structure check-scripts check-versions check-man check-dependencies check-lints check-docs build-debug \
	check-units check-tests check-fuzz

.PHONY: test $(filter check-%,$(checks))
test: deps
	@for check in $(checks); do \
		echo "==> $$check"; \
		$(MAKE) "$$check" || { \
			echo "==> make test: stopped at $$check, for the reason above; again with: make $$check" >&2; \
			exit 1; \
		}; \
	done
	@awk '/^test result:/ { passed += $$4; failed += $$6; skipped += $$8 } \
		END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' $(target_dir)/test.log
	@echo '==> make test: everything passed ($(checks))'

check-format:
	@$(CARGO) fmt --all --check
	@$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

# Who uses whom, as ARCHITECTURE.md says.
check-structure:
	@tools/check-structure.sh

check-lints:
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@$(CARGO) clippy --workspace --test debian_packages --test system --locked -- -D warnings
	@$(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir $(target_dir) --locked -- -D warnings

check-docs:
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --locked

check-tests: build-debug
	@tools/run-tests.sh $(target_dir)/test.log

# What check-tests runs in a short form. Power cuts, full disks and other users need root.
.PHONY: torture
torture: deps build-debug
	@echo 'the fleet of 30,000 machines, on both engines: 3 GB of disk, half an hour'
	@TORTURE=full $(CARGO) test -p telem-collector --locked --release --lib -- storage::tests::fleet --nocapture
	@TORTURE=full $(CARGO) test -p telem-collector --locked --lib -- by_the_million
	@TORTURE=full $(CARGO) test -p telem-collector --locked --test isolated -- --nocapture
	@TORTURE=full $(CARGO) test -p system-tests --locked --test fair_shares --test 'torture_*' -- \
		--nocapture --test-threads=1

# Where a manual refers to another of ours, that one is not installed yet.
check-man:
	@if command -v mandoc >/dev/null; then \
		mandoc -T lint -W warning $(man_sources) $(environment_man) $(collector_man); \
	else \
		echo 'no mandoc here; checking with groff'; \
		! groff -man -mdoc -ww -z $(man_sources) $(environment_man) $(collector_man) 2>&1 | grep .; \
	fi
	@echo 'manual pages: $(words $(man_sources) $(environment_man) $(collector_man)) without warnings'

check-scripts:
	@find . -name target -prune -o \( -name '*.sh' -o -path ./.ci/run -o -path './debian/*.p[or]*[mt]' -o \
		-path './debian/tests/*' ! -name control \) -print0 | xargs -0 shellcheck -x
	@echo 'shell scripts: no warnings'

# The crates of others: licences, bans, sources (deny.toml).
check-dependencies:
	@tools/check-dependencies.sh

# A version stands in several files, each in its own form.
check-versions:
	@tools/check-versions.sh

# The units with the paths of the debug build, so that the programs that they name are there.
check-units: build-debug
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; programs=$$(realpath $(target_dir)/debug); \
	mkdir "$$scratch/libexec"; ln -s "$$programs" "$$scratch/libexec/telemetrics"; \
	for unit in $(addprefix units/,$(units) $(environment_units)) $(collector_dir)/$(collector_unit); do \
		$(MAKE) -s fill-file source="$$unit" bindir="$$programs" libexecdir="$$scratch/libexec" >"$$scratch/$${unit##*/}"; \
	done; \
	tools/check-units.sh "$$scratch"

check-fuzz:
	@fuzz/run.sh $(TEST_FUZZ_SECS)

.PHONY: fill-file
fill-file:
	@$(fill) '$(source)'

# ---- install -----------------------------------------------------------------------------------------

# How the machine is: a package of its own, for those who want it.
environment       := envprobe checkprobe telempulld
environment_units := checkprobe.service envprobe.service envprobe.timer telempulld.service
environment_man   := docs/man/envprobe.1 docs/man/checkprobe.1 docs/man/telempulld.1 docs/man/telemetrics-checks.5
generator         := telemetrics-generator
# The administrator's once it is there.
snmpd_lines        = $(snmpdconfdir)/telemetrics.conf

programs     := telemprobd telempostd telemctl telem_journal hprobe telem-record-gen crashprobe \
	$(if $(without_journal),,journalprobe) klogscanner pstoreclean pstoreprobe
# Started by telempostd and telemctl, not by people.
own_programs := telempost-upload telempost-identity telempost-forget
units        := $(filter-out $(environment_units) $(if $(without_journal),journal-probe%),$(notdir $(sort $(wildcard units/*))))
man_sources  := $(filter-out $(environment_man) $(if $(without_journal),docs/man/journalprobe.1),$(sort $(wildcard docs/man/*.[1-8])))
shared_name  := libtelemetry.so.4.0.1
shared_links := libtelemetry.so.4 libtelemetry.so
static_name  := libtelemetry.a

own_libexecdir = $(libexecdir)/telemetrics
defaultsdir    = $(datadir)/defaults/telemetrics
man_path       = $(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
# The completions of programs: a file for each of three shells.
completions    = $(foreach program,$(1),$(bashcompdir)/$(program) $(zshcompdir)/_$(program) \
	$(fishcompdir)/$(program).fish)

installed_programs = $(addprefix $(bindir)/,$(programs)) $(addprefix $(own_libexecdir)/,$(own_programs))
installed_library  = $(addprefix $(libdir)/,$(shared_name) $(shared_links) $(static_name)) \
	$(libdir)/pkgconfig/libtelemetry.pc $(includedir)/telemetry.h
installed_texts    = $(addprefix $(unitdir)/,$(units)) $(tmpfilesdir)/telemetrics-dirs.conf \
	$(sysusersdir)/telemetrics.conf $(defaultsdir)/telemetrics.conf \
	$(sysctldir)/40-crash-probe.conf $(systemconfdir)/40-core-ulimit.conf \
	$(foreach page,$(man_sources),$(call man_path,$(page))) $(call completions,$(programs))
installed          = $(installed_programs) $(installed_library) $(installed_texts)

installed_environment = $(addprefix $(bindir)/,$(environment)) $(generatordir)/$(generator) \
	$(addprefix $(unitdir)/,$(environment_units)) $(sysusersdir)/telemetrics-environment.conf $(mibdir)/TELEMETRICS-MIB \
	$(foreach page,$(environment_man),$(call man_path,$(page))) $(call completions,$(environment))

# The collector, which most machines do not have: apart from the client, in targets of its own.
collector           := telem-collector
collector_dir       := tests/backend/system
collector_man       := $(sort $(wildcard $(collector_dir)/*.[1-8]))
collector_unit      := telemetrics-collector.service
# The administrator's once it is there.
collector_options    = $(sysconfdir)/default/telemetrics-collector
installed_collector  = $(bindir)/$(collector) $(unitdir)/$(collector_unit) \
	$(sysusersdir)/telemetrics-collector.conf \
	$(foreach page,$(collector_man),$(call man_path,$(page))) $(call completions,$(collector))

# Installs a text file with its paths filled in: source, destination.
define install_text
	@mkdir -p '$(DESTDIR)$(dir $(2))'
	@$(fill) '$(1)' >'$(DESTDIR)$(2).new' && chmod 644 '$(DESTDIR)$(2).new' && mv '$(DESTDIR)$(2).new' '$(DESTDIR)$(2)'

endef

# Installs the completions of a program.
define install_completions
	@$(INSTALL) -m 644 $(built)/shell/bash/$(1) '$(DESTDIR)$(bashcompdir)'
	@$(INSTALL) -m 644 $(built)/shell/zsh/_$(1) '$(DESTDIR)$(zshcompdir)'
	@$(INSTALL) -m 644 $(built)/shell/fish/$(1).fish '$(DESTDIR)$(fishcompdir)'

endef

# Names what is not built yet, before anything is installed.
define require_built
	@for file in $(addprefix $(built)/,$(1)); do \
		[ -e "$$file" ] || { echo "install: $$file is missing; run \`make build\` first" >&2; exit 1; }; \
	done
endef

make_dirs = @$(INSTALL) -d $(foreach dir,$(1),'$(DESTDIR)$(dir)')
shell_dirs = $(bashcompdir) $(zshcompdir) $(fishcompdir)
# Not for packages, whose scripts do it.
ldconfig = @if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig || true; fi

.PHONY: install install-files uninstall list-installed
install: build
	@$(MAKE) install-files

# A configuration in $(sysconfdir)/telemetrics is the administrator's: never written, never removed.
install-files:
	$(call require_built,$(programs) $(own_programs) $(static_name) clib/$(shared_name) \
		$(addprefix shell/bash/,$(programs)))
	$(say) 'installing below $(DESTDIR)$(prefix)'
	$(call make_dirs,$(bindir) $(own_libexecdir) $(libdir) $(includedir) $(shell_dirs))
	@$(INSTALL) -m 755 $(addprefix $(built)/,$(programs)) '$(DESTDIR)$(bindir)'
	@$(INSTALL) -m 755 $(addprefix $(built)/,$(own_programs)) '$(DESTDIR)$(own_libexecdir)'
	@$(INSTALL) -m 755 $(built)/clib/$(shared_name) '$(DESTDIR)$(libdir)'
	@for link in $(shared_links); do ln -sf $(shared_name) '$(DESTDIR)$(libdir)'/"$$link"; done
	@$(INSTALL) -m 644 $(built)/$(static_name) '$(DESTDIR)$(libdir)'
	@$(INSTALL) -m 644 libtelemetry/include/telemetry.h '$(DESTDIR)$(includedir)'
	$(call install_text,libtelemetry/libtelemetry.pc.in,$(libdir)/pkgconfig/libtelemetry.pc)
	$(foreach unit,$(units),$(call install_text,units/$(unit),$(unitdir)/$(unit)))
	$(call install_text,etc/telemetrics-dirs.conf,$(tmpfilesdir)/telemetrics-dirs.conf)
	$(call install_text,etc/telemetrics.sysusers.conf,$(sysusersdir)/telemetrics.conf)
	$(call install_text,etc/telemetrics.conf,$(defaultsdir)/telemetrics.conf)
	$(call install_text,etc/40-crash-probe.conf,$(sysctldir)/40-crash-probe.conf)
	$(call install_text,etc/40-core-ulimit.conf,$(systemconfdir)/40-core-ulimit.conf)
	$(foreach page,$(man_sources),$(call install_text,$(page),$(call man_path,$(page))))
	$(foreach program,$(programs),$(call install_completions,$(program)))
	$(ldconfig)

uninstall:
	$(say) 'removing from $(DESTDIR)$(prefix)'
	@rm -f $(foreach file,$(installed),'$(DESTDIR)$(file)')
	@rmdir --ignore-fail-on-non-empty $(foreach dir,$(own_libexecdir) $(defaultsdir),'$(DESTDIR)$(dir)') 2>/dev/null || true
	$(ldconfig)

.PHONY: install-environment install-environment-files uninstall-environment list-installed-environment
install-environment: build
	@$(MAKE) install-environment-files

install-environment-files:
	$(call require_built,$(environment) $(generator) $(addprefix shell/bash/,$(environment)))
	$(say) 'installing what reads the environment below $(DESTDIR)$(prefix)'
	$(call make_dirs,$(bindir) $(generatordir) $(shell_dirs))
	@$(INSTALL) -m 755 $(addprefix $(built)/,$(environment)) '$(DESTDIR)$(bindir)'
	@$(INSTALL) -m 755 $(built)/$(generator) '$(DESTDIR)$(generatordir)'
	$(foreach unit,$(environment_units),$(call install_text,units/$(unit),$(unitdir)/$(unit)))
	$(call install_text,etc/telemetrics-environment.sysusers.conf,$(sysusersdir)/telemetrics-environment.conf)
	$(call install_text,etc/TELEMETRICS-MIB,$(mibdir)/TELEMETRICS-MIB)
	$(foreach page,$(environment_man),$(call install_text,$(page),$(call man_path,$(page))))
	$(foreach program,$(environment),$(call install_completions,$(program)))
	@[ -e '$(DESTDIR)$(snmpd_lines)' ] || { mkdir -p '$(DESTDIR)$(snmpdconfdir)' && \
		$(fill) etc/snmpd-telemetrics.conf >'$(DESTDIR)$(snmpd_lines)' && chmod 644 '$(DESTDIR)$(snmpd_lines)'; }

# What an administrator may have switched on stays.
uninstall-environment:
	$(say) 'removing what reads the environment from $(DESTDIR)$(prefix)'
	@rm -f $(foreach file,$(installed_environment),'$(DESTDIR)$(file)')

.PHONY: install-collector install-collector-files uninstall-collector list-installed-collector
install-collector: build
	@$(MAKE) install-collector-files

install-collector-files:
	$(call require_built,$(collector) shell/bash/$(collector))
	$(say) 'installing the collector below $(DESTDIR)$(prefix)'
	$(call make_dirs,$(bindir) $(shell_dirs))
	@$(INSTALL) -m 755 $(built)/$(collector) '$(DESTDIR)$(bindir)'
	$(call install_text,$(collector_dir)/$(collector_unit),$(unitdir)/$(collector_unit))
	$(call install_text,$(collector_dir)/sysusers.conf,$(sysusersdir)/telemetrics-collector.conf)
	$(foreach page,$(collector_man),$(call install_text,$(page),$(call man_path,$(page))))
	$(call install_completions,$(collector))
	@[ -e '$(DESTDIR)$(collector_options)' ] || \
		$(INSTALL) -D -m 644 $(collector_dir)/options '$(DESTDIR)$(collector_options)'

# The options stay, as a configuration does.
uninstall-collector:
	$(say) 'removing the collector from $(DESTDIR)$(prefix)'
	@rm -f $(foreach file,$(installed_collector),'$(DESTDIR)$(file)')

# On the machine that is to be the server, a fresh Debian or Ubuntu, as root.
.PHONY: deploy
deploy: install-collector
	@'$(bindir)/$(collector)' setup

# Every path that install writes, for packagers and for the test of it.
list-installed:
	@printf '%s\n' $(installed)

list-installed-environment:
	@printf '%s\n' $(installed_environment) $(snmpd_lines)

list-installed-collector:
	@printf '%s\n' $(installed_collector) $(collector_options)

# ---- packages ----------------------------------------------------------------------------------------

deb_dir   = $(abspath $(target_dir))/deb
deb_files = $(deb_dir)/telemetrics-client_$(version)

# With debian/rules, which calls `build` and `install-files` above.
.PHONY: deb
deb:
	@tools/deps.sh deb
	@case $$(dpkg-parsechangelog -S Version) in $(version)-*) ;; *) \
		echo 'make deb: debian/changelog has another version than Cargo.toml ($(version))' >&2; exit 1;; \
	esac
	$(name_unset_contacts)
	$(say) 'building Debian packages'
	@rm -rf '$(deb_dir)' && mkdir -p '$(deb_dir)'
	@CARGO_TARGET_DIR='$(abspath $(target_dir))' DEB_OUTPUT='$(deb_dir)' SERVER='$(SERVER)' \
		REPOSITORY='$(REPOSITORY)' MAINTAINER='$(MAINTAINER)' SECURITY_CONTACT='$(SECURITY_CONTACT)' \
		dpkg-buildpackage -us -uc -b --post-clean --source-by='$(MAINTAINER)' --release-by='$(MAINTAINER)' \
		--buildinfo-file='$(deb_files).buildinfo' --buildinfo-option='-u$(deb_dir)' \
		--changes-file='$(deb_files).changes' --changes-option='-u$(deb_dir)'
	@ls -1 '$(deb_dir)'/*.deb

# What is in them; apart from check-tests, which builds no release.
.PHONY: check-deb test-system
check-deb: deb
	@$(CARGO) test --workspace --locked --test debian_packages

rpm_dir = $(abspath $(target_dir))/rpm

# With rpm/telemetrics.spec, which calls the same. Where packages are Debian's, RPM's own list of what is there is empty.
.PHONY: rpm check-rpm
rpm:
	@tools/deps.sh rpm
	$(name_unset_contacts)
	$(say) 'building RPM packages'
	@rm -rf '$(rpm_dir)' && mkdir -p '$(rpm_dir)'
	@$(fill) rpm/telemetrics.spec >'$(rpm_dir)/telemetrics-client.spec'
	@CARGO_TARGET_DIR='$(abspath $(target_dir))' SERVER='$(SERVER)' \
		REPOSITORY='$(REPOSITORY)' MAINTAINER='$(MAINTAINER)' SECURITY_CONTACT='$(SECURITY_CONTACT)' \
		rpmbuild -bb --quiet --build-in-place $(if $(shell command -v dpkg-query),--nodeps) \
		--define '_topdir $(rpm_dir)/build' --define '_rpmdir $(rpm_dir)' \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' '$(rpm_dir)/telemetrics-client.spec'
	@ls -1 '$(rpm_dir)'/*.rpm

check-rpm: rpm
	@rpm/check.sh '$(rpm_dir)'

# What they do. Each test boots a machine of its own.
test-system: deps build-debug check-deb check-rpm
	@$(CARGO) test --workspace --locked --test system -- --nocapture --test-threads=2
	@echo '==> make test-system: everything passed'
