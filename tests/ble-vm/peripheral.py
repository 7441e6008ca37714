"""Virtual Bluetooth LE peripherals in the air around one virtual controller (/dev/vhci) of the kernel.

Bumble speaks the link layer's part, the kernel and bluetoothd the host's: what the gateway meets is BlueZ itself.
"""

import asyncio
import struct

from bumble import gatt, hci
from bumble.controller import Controller
from bumble.core import AdvertisingData, PhysicalTransport, UUID
from bumble.device import Device, DeviceConfiguration
from bumble.host import Host
from bumble.link import LocalLink
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

ADAPTER = "C4:11:22:33:44:55/P"


class Air(LocalLink):
    """Data of a connection carries the address it was made with: BlueZ connects from a random one."""

    def send_acl_data(self, sender_controller, destination_address, transport, data):
        if transport != PhysicalTransport.LE:
            return super().send_acl_data(sender_controller, destination_address, transport, data)
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return None
        source = connection.self_address
        asyncio.get_running_loop().call_soon(
            lambda: receiver.on_link_acl_data(source, transport, data)
        )
        return None


class World:
    """The kernel's controller, and the air it shares with peripherals."""

    @classmethod
    async def open(cls):
        world = cls()
        world.air = Air()
        world.transport = await open_transport("vhci")
        world.controller = Controller(
            "adapter",
            host_source=world.transport.source,
            host_sink=world.transport.sink,
            link=world.air,
            public_address=hci.Address(ADAPTER),
        )
        # Linux 6.1 waits for events of these that the controller does not send.
        world.controller.le_features &= ~(
            hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        )
        return world


class Peripheral:
    """One device: services, advertising, values; it counts what was done to it."""

    def __init__(self, world, name, address, service, characteristics, passkey=None, encrypted=False):
        self.world = world
        self.name = name
        self.address = hci.Address(address)
        self.connections = 0
        self.pairings = 0
        self.subscribed = asyncio.Event()
        self.connection = None
        controller = Controller(name, link=world.air)
        self.controller = controller
        host = Host(controller, AsyncPipeSink(controller))
        advertising = AdvertisingData(
            [
                (AdvertisingData.FLAGS, bytes([0x06])),
                (AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, struct.pack("<H", service)),
                (AdvertisingData.COMPLETE_LOCAL_NAME, name.encode()),
            ]
        )
        configuration = DeviceConfiguration(
            name=name,
            address=self.address,
            advertising_data=bytes(advertising),
            irk=bytes(reversed(bytes(self.address))) + bytes(10),
        )
        self.device = Device(config=configuration, host=host)
        delegate = KeyOnDisplay(passkey) if passkey is not None else PairingDelegate()
        self.device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=passkey is not None, bonding=True, delegate=delegate
        )
        self.characteristics = {}
        permissions = gatt.Characteristic.Permissions
        for uuid, properties, value in characteristics:
            wanted = permissions.READABLE | permissions.WRITEABLE
            if encrypted:
                wanted |= permissions.READ_REQUIRES_ENCRYPTION | permissions.WRITE_REQUIRES_ENCRYPTION
            self.characteristics[uuid] = gatt.Characteristic(
                UUID.from_16_bits(uuid), properties, wanted, value
            )
        self.device.add_service(
            gatt.Service(UUID.from_16_bits(service), list(self.characteristics.values()))
        )
        self.device.add_service(
            gatt.Service(
                UUID.from_16_bits(0x180A),
                [
                    gatt.Characteristic(
                        UUID.from_16_bits(uuid),
                        gatt.Characteristic.Properties.READ,
                        permissions.READABLE,
                        text.encode(),
                    )
                    for uuid, text in [(0x2A29, "Wardline Tests"), (0x2A24, name), (0x2A25, f"SN-{name}")]
                ],
            )
        )
        self.device.on("connection", self._connected)
        for characteristic in self.characteristics.values():
            characteristic.on("subscription", self._subscription)

    def _connected(self, connection):
        self.connections += 1
        self.connection = connection
        connection.on("disconnection", self._disconnected)
        connection.on("pairing", self._paired)

    def _disconnected(self, _reason):
        self.connection = None
        self.subscribed.clear()

    def _paired(self, _keys):
        self.pairings += 1

    def _subscription(self, _connection, notify, indicate):
        if notify or indicate:
            self.subscribed.set()

    async def power_on(self):
        await self.device.power_on()

    async def advertise(self, restart=True):
        """Until connected; anew after a disconnection if `restart`."""
        await self.device.start_advertising(auto_restart=restart)

    async def silence(self):
        await self.device.stop_advertising()

    async def send(self, uuid, value):
        """A notification or indication to whoever subscribed."""
        characteristic = self.characteristics[uuid]
        if characteristic.properties & gatt.Characteristic.Properties.INDICATE:
            await self.device.indicate_subscribers(characteristic, value)
        else:
            await self.device.notify_subscribers(characteristic, value)

    async def hang_up(self):
        await self.connection.disconnect()

    def lost(self):
        """Gone without a word: both ends see the supervision timeout."""
        for controller in (self.world.controller, self.controller):
            for connection in list(controller.le_connections.values()):
                if self.address in (connection.peer_address, connection.self_address):
                    controller.on_le_disconnected(connection, hci.HCI_CONNECTION_TIMEOUT_ERROR)


class KeyOnDisplay(PairingDelegate):
    """A device that shows a passkey."""

    def __init__(self, passkey):
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)
        self.passkey = passkey

    async def generate_passkey(self):
        return self.passkey

    async def display_number(self, number, digits):
        print(f"the device shows {number:0{digits}}")


def sfloat(mantissa, exponent=0):
    return struct.pack("<H", (exponent & 0xF) << 12 | mantissa & 0xFFF)


def medfloat(mantissa, exponent=0):
    return struct.pack("<I", (exponent & 0xFF) << 24 | mantissa & 0xFFFFFF)


def date_time(year, month, day, hour, minute, second):
    return struct.pack("<HBBBBB", year, month, day, hour, minute, second)
