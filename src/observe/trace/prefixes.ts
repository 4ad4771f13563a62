/** 4 or 16 bytes with those bits that are behind the prefix zero. New memory. */
export function maskPrefix(ip: Uint8Array, bits: number): Uint8Array {
  return ip.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * at))))
}
