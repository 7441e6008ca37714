"""The gateway against BlueZ itself: one scenario a function; what each relies on is what a ward relies on.

Runs inside the virtual machine (see `run`). Prints one line a scenario into /run/out/results, and a count at the end.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import traceback

from bumble import gatt

from peripheral import Peripheral, World, date_time, medfloat, sfloat

OUT = "/run/out"
NOTIFY = gatt.Characteristic.Properties.NOTIFY
INDICATE = gatt.Characteristic.Properties.INDICATE
READ = gatt.Characteristic.Properties.READ
HEART_RATE, TEMPERATURE, CUFF, CURRENT_TIME = 0x2A37, 0x2A1C, 0x2A35, 0x2A2B
# An emulated core is slow, and a passive link needs its supervision timeout: no wait is shorter than this.
PATIENCE = 90

CONFIG = """
site = "vm"
gateway = "gw"
data-dir = "/tmp/gateway"

[server]
url = "mqtt://127.0.0.1:1883"
format = "json"

[time]
synchronized = "assume"

[metrics]
bind = "127.0.0.1:9464"

[log]
level = "debug"

[ble]
backoff-max = "5s"
ping-interval = "5s"
spot-idle = "30m"

[[ble.device]]
id = "strap"
address = "F0:00:00:00:00:01"
address-type = "random"
profiles = ["heart-rate"]
# Between scenarios it says nothing.
silence = "0s"

[[ble.device]]
id = "thermometer"
address = "F0:00:00:00:00:02"
address-type = "random"
profiles = ["thermometer"]
pair = "just-works"

[[ble.device]]
id = "cuff"
address = "F0:00:00:00:00:03"
address-type = "random"
profiles = ["blood-pressure"]
pair = "passkey"
passkey-file = "/tmp/cuff.passkey"
"""


class Failed(AssertionError):
    """What was expected and what was there."""


class Rig:
    """bluetoothd, broker, gateway and what a subscriber was given."""

    def __init__(self):
        self.records = []
        self.seen = set()
        self.arrived = asyncio.Condition()
        self.processes = {}

    async def start(self, name, *command, environment=None):
        log = open(f"{OUT}/{name}.log", "ab", buffering=0)
        self.processes[name] = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )

    async def kill(self, name):
        process = self.processes.pop(name)
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def listening(self, port):
        """Waits until somebody listens."""
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return

    async def subscribe(self):
        process = await asyncio.create_subprocess_exec(
            "mosquitto_sub", "-h", "127.0.0.1", "-V", "mqttv5", "-q", "1", "-t", "wardline/v1/#", "-F", "%t %p",
            stdout=subprocess.PIPE, limit=1 << 20,
        )
        self.processes["subscriber"] = process
        self.reader = asyncio.create_task(self.read(process.stdout))

    async def read(self, lines):
        with open(f"{OUT}/messages.log", "w", buffering=1) as log:
            async for line in lines:
                text = line.decode().rstrip("\n")
                log.write(f"{time.time():.3f} {text}\n")
                topic, _, payload = text.partition(" ")
                if not topic.endswith("/readings"):
                    continue
                base = 0.0
                device = topic.split("/")[4]
                for record in json.loads(payload):
                    base = record.get("bt", base)
                    record["device"] = device
                    record["time"] = base + record.get("t", 0.0)
                    # A repeat after a lost acknowledgement is the same row to the server.
                    key = (device, record["n"], record["time"], record.get("v"))
                    if key in self.seen:
                        continue
                    self.seen.add(key)
                    async with self.arrived:
                        self.records.append(record)
                        self.arrived.notify_all()

    def of(self, device, name, since=0):
        return [r for r in self.records[since:] if r["device"] == device and r["n"] == name]

    async def until(self, what, condition):
        """Waits until a subscriber has what is meant."""

        async def wait():
            async with self.arrived:
                await self.arrived.wait_for(condition)

        try:
            await asyncio.wait_for(wait(), PATIENCE)
        except asyncio.TimeoutError:
            raise Failed(f"no {what} within {PATIENCE} s; last: {self.records[-3:]}") from None


async def within(what, awaitable):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except asyncio.TimeoutError:
        raise Failed(f"no {what} within {PATIENCE} s") from None


def equal(what, got, expected):
    if got != expected:
        raise Failed(f"{what}: {got!r}, expected {expected!r}")


class Ward:
    """The devices."""

    def __init__(self, world):
        self.strap = Peripheral(
            world, "strap", "F0:00:00:00:00:01", 0x180D, [(HEART_RATE, NOTIFY, bytes([0, 60]))]
        )
        self.thermometer = Peripheral(
            world, "thermometer", "F0:00:00:00:00:02", 0x1809,
            [(TEMPERATURE, INDICATE, bytes(5)), (0x2A1D, READ, bytes([2]))],
            encrypted=True,
        )
        self.cuff = Peripheral(
            world, "cuff", "F0:00:00:00:00:03", 0x1810,
            [(CUFF, INDICATE, bytes(7)), (0x2A49, READ, bytes(2))],
            encrypted=True, passkey=271828,
        )
        self.beat = 60

    async def power_on(self):
        for device in (self.strap, self.thermometer, self.cuff):
            await device.power_on()

    async def beats(self, rig, count):
        """Sends `count` heart rates, each another value, and waits for all of them, once each and in order."""
        since = len(rig.records)
        await within("subscription to the strap", self.strap.subscribed.wait())
        sent = []
        for _ in range(count):
            self.beat = 60 + (self.beat - 59) % 100
            sent.append(self.beat)
            await self.strap.send(HEART_RATE, bytes([0b110, self.beat]))
        await rig.until(
            f"{count} heart rates", lambda: len(rig.of("strap", "MDC_ECG_HEART_RATE", since)) >= count
        )
        got = rig.of("strap", "MDC_ECG_HEART_RATE", since)
        equal("heart rates", [record["v"] for record in got], sent)

    async def temperature(self, rig, tenths):
        """A measurement, over an encrypted link."""
        since = len(rig.records)
        await within("subscription to the thermometer", self.thermometer.subscribed.wait())
        connection = self.thermometer.connection
        if not connection or not connection.is_encrypted:
            raise Failed("the thermometer's link is not encrypted")
        await self.thermometer.send(TEMPERATURE, bytes([0]) + medfloat(tenths, -1))
        await rig.until("temperature", lambda: rig.of("thermometer", "MDC_TEMP_BODY", since))
        record = rig.of("thermometer", "MDC_TEMP_BODY", since)[0]
        equal("temperature", (record["v"], record["u"]), (tenths / 10, "Cel"))


async def measure(rig, ward):
    """A strap that advertises is connected to, and what it measures arrives, once and in order."""
    await ward.strap.advertise()
    await ward.beats(rig, 10)
    record = rig.of("strap", "MDC_ECG_HEART_RATE")[-1]
    equal("unit", record["u"], "/min")
    if abs(record["time"] - time.time()) > PATIENCE:
        raise Failed(f"stamped {record['time']}, it is {time.time()}")


async def bond(rig, ward):
    """A thermometer that wants encryption is paired with, and bonded: the key is on BlueZ's disk."""
    await ward.thermometer.advertise()
    await ward.temperature(rig, 372)
    equal("pairings", ward.thermometer.pairings, 1)
    keys = [
        line
        for root, _, files in os.walk("/var/lib/bluetooth")
        for name in files
        if name == "info" and "F0:00:00:00:00:02" in root
        for line in open(os.path.join(root, name))
        if "LongTermKey" in line
    ]
    if not keys:
        raise Failed("BlueZ has kept no long-term key")


async def passkey(rig, ward):
    """A cuff that shows a passkey is paired with by the one in the configuration; pressures arrive as sent."""
    await ward.cuff.advertise()
    await within("subscription to the cuff", ward.cuff.subscribed.wait())
    equal("pairings", ward.cuff.pairings, 1)
    value = bytes([0b10]) + sfloat(128) + sfloat(82) + sfloat(97) + date_time(2026, 11, 22, 8, 30, 0)
    await ward.cuff.send(CUFF, value)
    await rig.until("blood pressure", lambda: len(rig.of("cuff", "MDC_PRESS_BLD_NONINV_MEAN")) == 1)
    equal(
        "pressures",
        [rig.of("cuff", f"MDC_PRESS_BLD_NONINV_{part}")[0]["v"] for part in ("SYS", "DIA", "MEAN")],
        [128, 82, 97],
    )


async def reconnect(rig, ward):
    """The bonded thermometer leaves and comes back: the bond is used again, nobody pairs anew."""
    before = ward.thermometer.connections
    await ward.thermometer.hang_up()
    await ward.temperature(rig, 374)
    equal("pairings", ward.thermometer.pairings, 1)
    if ward.thermometer.connections == before:
        raise Failed("no new connection")


async def bluetoothd_killed(rig, ward):
    """BlueZ dies and comes back: streams go on, and the bond holds."""
    await ward.beats(rig, 3)
    await rig.kill("bluetoothd")
    # What the kernel does when the owner of its management socket is gone is BlueZ's business; the links are dead.
    for device in (ward.strap, ward.thermometer):
        device.lost()
    await rig.start("bluetoothd", "bluetoothd", "-n")
    await ward.beats(rig, 5)
    await ward.temperature(rig, 381)
    equal("pairings", ward.thermometer.pairings, 1)


async def peripheral_lost(rig, ward):
    """A strap out of range ends in a supervision timeout; back in range it is connected to again."""
    await ward.beats(rig, 3)
    before = ward.strap.connections
    ward.strap.lost()
    await ward.beats(rig, 5)
    equal("connections", ward.strap.connections, before + 1)


async def gateway_killed(rig, ward):
    """The gateway dies and comes back: it takes over links that BlueZ kept, and bonds."""
    await ward.beats(rig, 3)
    await rig.kill("gateway")
    ward.strap.subscribed.clear()
    await rig.start("gateway", os.environ["GATEWAY"], "run", "--config", "/tmp/gateway.toml")
    await ward.beats(rig, 5)
    await ward.temperature(rig, 369)
    equal("pairings", ward.thermometer.pairings, 1)


SCENARIOS = [measure, bond, passkey, reconnect, peripheral_lost, bluetoothd_killed, gateway_killed]


async def main(wanted):
    with open("/tmp/cuff.passkey", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("271828\n")
    with open("/tmp/gateway.toml", "w") as file:
        file.write(CONFIG)
    with open("/tmp/mosquitto.conf", "w") as file:
        file.write("listener 1883 127.0.0.1\nallow_anonymous true\nuser root\n")
    rig, world = Rig(), await World.open()
    ward = Ward(world)
    await ward.power_on()
    await rig.start("mosquitto", "mosquitto", "-c", "/tmp/mosquitto.conf")
    await rig.start("bluetoothd", "bluetoothd", "-n")
    await rig.start("gateway", os.environ["GATEWAY"], "run", "--config", "/tmp/gateway.toml")
    await within("broker", rig.listening(1883))
    await rig.subscribe()
    passed = failed = 0
    with open(f"{OUT}/results", "w", buffering=1) as results:
        for scenario in SCENARIOS:
            if wanted and scenario.__name__ not in wanted:
                continue
            began = time.monotonic()
            try:
                await scenario(rig, ward)
                passed += 1
                results.write(f"ok {scenario.__name__} ({time.monotonic() - began:.0f} s)\n")
            except Exception as error:  # a scenario that fails does not keep the next from being tried
                failed += 1
                traceback.print_exc()
                results.write(f"FAILED {scenario.__name__}: {type(error).__name__}: {error}\n")
        results.write(f"ble-vm: {passed} passed, {failed} failed\n")
    for name in list(rig.processes):
        await rig.kill(name)
    rig.reader.cancel()


asyncio.run(main(sys.argv[1:]))
