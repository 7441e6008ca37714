# Two commands: `make demo` and `make test`. `make test-ble-vm` tests the gateway on a real Bluetooth stack in a virtual
# machine; `make bench` measures; `make gateway-footprint` and `make gateway-outage` measure the gateway.

CARGO ?= cargo
# Debian packages that tests run against, and a file each installs.
PACKAGES := mosquitto:/usr/sbin/mosquitto mosquitto-clients:/usr/bin/mosquitto_pub faketime:/usr/bin/faketime \
  python3-aiosmtpd:/usr/lib/python3/dist-packages/aiosmtpd/smtp.py

# The virtual machine and what Debian's bluetoothd and mosquitto are linked with.
VM_PACKAGES := qemu-system-x86 python3-venv libglib2.0-0 libdw1 libasound2 libdbus-1-3 libmosquitto1

.PHONY: demo test test-ble-vm bench gateway-footprint gateway-outage packages fmt

demo:
	$(CARGO) build --profile demo -p wardline -p wardline-gateway
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/demo/wardline" demo $(ARGS)

test: packages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features sabotage -- -D warnings
	$(CARGO) test --workspace --features sabotage

# Where the packages cannot be had it says so and skips.
test-ble-vm:
	@if test "$$(id -u)" = 0 && ! dpkg -s $(VM_PACKAGES) >/dev/null 2>&1; then \
	  apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(VM_PACKAGES) || true; fi
	$(CARGO) build --profile gateway -p wardline-gateway
	tests/ble-vm/run "$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/gateway/wardline-gateway" $(ARGS)

bench: packages
	$(CARGO) build --release -p wardline -p wardline-gateway -p wardline-benches
	"$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/wardline-bench" all

# The gateway as it is built for small machines.
GATEWAY = "$$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/gateway/wardline-gateway"

# Binary, memory and share of a core with 20 streaming devices.
gateway-footprint: packages
	$(CARGO) build --profile gateway -p wardline-gateway
	WARDLINE_GATEWAY=$(GATEWAY) WARDLINE_FOOTPRINT_SECONDS=60 \
	$(CARGO) test -p wardline-gateway --test gateway -- footprint:: --nocapture

# The link down for an hour of 500 readings a second, two kills meanwhile.
gateway-outage: packages
	$(CARGO) build --profile gateway -p wardline-gateway
	WARDLINE_GATEWAY=$(GATEWAY) WARDLINE_OUTAGE_READINGS=1800000 \
	$(CARGO) test -p wardline-gateway --test gateway -- outage:: --nocapture

packages:
	@missing=""; for entry in $(PACKAGES); do \
	  test -e "$${entry#*:}" || missing="$$missing $${entry%%:*}"; done; \
	if test -n "$$missing"; then \
	  if test "$$(id -u)" = 0; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	  else echo "run first: sudo apt-get install -y$$missing" >&2; exit 1; fi; fi
