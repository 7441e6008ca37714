//! E2E-CRC of the CGM and Blood Pressure services: CRC-16 with polynomial 0x1021, start 0xFFFF, not reflected.

/// Over all bytes before it; sent little-endian.
#[must_use]
pub fn ccitt_false(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}
