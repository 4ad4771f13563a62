/** How an HTTP request starts. Clients never send these first (protocol.md, 3.1), so there is no need to wait for more. */
const HTTP_WORDS = [0x47455420, 0x504f5354, 0x48454144, 0x4f505449]
/** An init begins with so many bytes of text once in 100,000 times. */
const TEXT_BYTES = 12
/** Records of TLS that open no connection: change cipher spec, alert, application data. */
const LATE_RECORDS = [0x14, 0x15, 0x17]

/** GET, POST, HEAD, OPTI. */
export function isRequest(seen: Uint8Array): boolean {
  if (seen.length < 4) return false
  const word = ((seen[0] << 24) | (seen[1] << 16) | (seen[2] << 8) | seen[3]) >>> 0
  return HTTP_WORDS.includes(word)
}

/**
 * Whether the first bytes are those of SSH, SMTP and the like, or of TLS where it does not begin. Right but for one in 100,000
 * inits: to be asked only while an init is not whole, which is seldom.
 */
export function isOtherProtocol(seen: Uint8Array): boolean {
  return startsLikeText(seen) || startsLikeRecord(seen)
}

function startsLikeText(seen: Uint8Array): boolean {
  if (seen.length < TEXT_BYTES) return false
  for (let at = 0; at < TEXT_BYTES; at++) if (!isText(seen[at])) return false
  return true
}

/** Printable ASCII, and what ends a line. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/** type | 03 | 00..04 */
function startsLikeRecord(seen: Uint8Array): boolean {
  return seen.length >= 3 && LATE_RECORDS.includes(seen[0]) && seen[1] === 3 && seen[2] <= 4
}
