# Two commands: `make demo` and `make test`. `make bench` measures.

CARGO ?= cargo
# Debian packages that tests run against, and a file each installs.
PACKAGES := mosquitto:/usr/sbin/mosquitto mosquitto-clients:/usr/bin/mosquitto_pub faketime:/usr/bin/faketime

.PHONY: demo test bench packages fmt

demo:
	$(CARGO) build --profile demo -p wardline -p wardline-gateway
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/demo/wardline" demo $(ARGS)

test: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features sabotage -- -D warnings
	$(CARGO) test --workspace --features sabotage

bench: packages
	$(CARGO) build --release -p wardline -p wardline-gateway -p wardline-benches
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/wardline-bench" all

packages:
	@missing=""; for entry in $(PACKAGES); do \
	  test -e "$${entry#*:}" || missing="$$missing $${entry%%:*}"; done; \
	if test -n "$$missing"; then \
	  if test "$$(id -u)" = 0; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	  else echo "run first: sudo apt-get install -y$$missing" >&2; exit 1; fi; fi
