/** Numbers of TLS 1.2 and 1.3 (RFC 8446) that fake TLS needs. */

export const RECORD_HEADER = 5
export const CHANGE_CIPHER_SPEC = 0x14
export const HANDSHAKE = 0x16
export const APPLICATION_DATA = 0x17

/** Longest plaintext of a record; what we send is cut to it. */
export const RECORD_MAX = 16_384
/** Longest body of an encrypted record: 2^14 + 256. Clients may send as much. */
export const ENCRYPTED_MAX = RECORD_MAX + 256

export const CLIENT_HELLO = 1
export const SERVER_HELLO = 2

export const RANDOM_LENGTH = 32
/** Record header 5, handshake header 4, version 2: in both hellos. */
export const RANDOM_AT = 11
export const SESSION_ID_AT = RANDOM_AT + RANDOM_LENGTH
export const SESSION_ID_LENGTH = 32

export const EXTENSION = { serverName: 0x0000, supportedVersions: 0x002b, keyShare: 0x0033 } as const
export const GROUP = { x25519: 0x001d, x25519MlKem768: 0x11ec } as const
export const TLS_AES_128_GCM_SHA256 = 0x1301
export const TLS_1_3 = 0x0304

/** The record that both sides send once for the sake of old middle boxes. */
export const CCS_RECORD = Uint8Array.of(CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1)
