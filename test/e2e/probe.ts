import { createHmac, X509Certificate } from 'node:crypto'
import { connect } from 'node:net'
import { runToEnd } from './child.ts'
import { within } from './wait.ts'

export interface Answer {
  readonly bytes: Buffer
  readonly ended: 'end' | 'reset'
}

/** Sends bytes as they are, and returns all that comes back and how the other side closed. */
export async function probe(port: number, bytes: Uint8Array, limitMs = 30_000): Promise<Answer> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  const chunks: Buffer[] = []
  const ended = new Promise<Answer['ended']>((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.once('end', () => resolve('end'))
    socket.once('error', () => resolve('reset'))
  })
  socket.write(bytes)
  try {
    const how = await within(limitMs, 'the answer to a probe', ended)
    return { bytes: Buffer.concat(chunks), ended: how }
  } finally {
    socket.destroy()
  }
}

/** Sends bytes and returns what has come once it is at least `atLeast` bytes, with the connection closed by us. */
export async function firstBytes(
  port: number,
  bytes: Uint8Array,
  atLeast: number,
  localAddress = '127.0.0.1',
): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
  let got = Buffer.alloc(0)
  const enough = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk])
      if (got.length >= atLeast) resolve()
    })
    socket.once('end', () => reject(new Error(`closed after ${got.length} bytes`)))
    socket.once('error', reject)
  })
  socket.write(bytes)
  try {
    await within(15_000, `${atLeast} bytes of answer`, enough)
    return got
  } finally {
    socket.destroy()
  }
}

/** The first TLS record of a stream: a hello as it was recorded. */
export function firstRecord(stream: Buffer): Buffer {
  return stream.subarray(0, 5 + stream.readUInt16BE(3))
}

/**
 * Whether the first three records of `answer` carry the proof that only the holder of the secret can give: the random of the
 * server's hello (bytes 11..42) is HMAC-SHA256 over the client's random and the records with that random zeroed.
 */
export function isSignedAnswer(answer: Buffer, hello: Buffer, keyHex: string): boolean {
  let end = 0
  for (let record = 0; record < 3 && end + 5 <= answer.length; record++) end += 5 + answer.readUInt16BE(end + 3)
  const zeroed = Buffer.from(answer.subarray(0, end))
  zeroed.fill(0, 11, 43)
  const mac = createHmac('sha256', Buffer.from(keyHex, 'hex')).update(hello.subarray(11, 43)).update(zeroed).digest()
  return mac.equals(answer.subarray(11, 43))
}

/** What `openssl s_client` finds: the SHA-256 fingerprint of the certificate it is shown. */
export async function certificateSeenByOpenssl(port: number, domain: string): Promise<string> {
  const run = await runToEnd('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', domain])
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(run.stdout)
  if (pem === null) throw new Error(`no certificate: ${run.stderr}`)
  return new X509Certificate(pem[0]).fingerprint256
}

/** What curl gets over TLS, without checking the certificate. */
export async function pageSeenByCurl(port: number, domain: string): Promise<string> {
  const where = `${domain}:${port}`
  const run = await runToEnd('curl', [
    '-sSk',
    '--max-time',
    '20',
    '--resolve',
    `${where}:127.0.0.1`,
    `https://${where}/`,
  ])
  if (run.code !== 0) throw new Error(run.stderr)
  return `${run.stdout}\n`
}
