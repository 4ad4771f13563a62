import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Capture } from './capture.ts'
import { runToEnd } from './child.ts'
import { Download, pingWithTdlib } from './clients.ts'
import { DOMAIN, FAKE_TLS, SECRETS, writtenSecret } from './config.ts'
import { certificateSeenByOpenssl, firstBytes, firstRecord } from './probe.ts'
import { RUNTIMES } from './program.ts'
import { Recorder } from './recorder.ts'
import { FILE_ID, Stage } from './stage.ts'

const DOWNLOAD_BYTES = 300_000
const PINGS = 4
/** A signature by P-256 is 70 to 72 bytes, seldom fewer (DER drops zeros). */
const SIGNATURE_SPREAD = 6
/** TLS 1.3: 2^14 + 256. */
const RECORD_MAX = 16_640
/** Our answer: ServerHello, change cipher spec, and one record for everything that is enciphered. */
const ANSWER_RECORDS = 3
const SERVER_HELLO = '2'

/** What nDPI says of one connection. */
interface Flow {
  readonly port: number
  readonly protocol: string
  readonly sni: string | undefined
  readonly risks: readonly string[]
  readonly ja3s: string | undefined
}

describe.each(RUNTIMES)('outside judges of sessions through the program on %s', (runtime) => {
  let stage: Stage
  let capture: Capture
  let flows: readonly Flow[]
  /** Lengths of the server's records of each connection to a port, in the order of the connections. */
  let records: (port: number) => readonly (readonly number[])[]

  const download = async (port: number, secret: string) => {
    const order = { port, secret, publicKeyPem: stage.dc.publicKeyPem, fileId: FILE_ID, bytes: DOWNLOAD_BYTES }
    await new Download(order).done()
  }

  beforeAll(async () => {
    stage = await Stage.open(runtime)
    await stage.program.event('mask.learnt')
    const [proxyPort, maskPort] = [stage.program.port, stage.mask.port]
    capture = await Capture.start([proxyPort, maskPort])
    const tap = await Recorder.start(proxyPort)
    await download(tap.port, writtenSecret(FAKE_TLS))
    // The very hello of that client, to the site itself; then a client of the site's own.
    const hello = firstRecord(tap.recordings[0].fromClient)
    await firstBytes(maskPort, hello, 1024)
    await certificateSeenByOpenssl(maskPort, DOMAIN)
    for (let ping = 0; ping < PINGS; ping++) await pingWithTdlib(proxyPort, writtenSecret(FAKE_TLS))
    await download(proxyPort, writtenSecret(SECRETS[1]))
    await capture.stop()
    tap.close()
    // Without -d what it does not know it takes, now and then, for what else it has seen at the same port.
    flows = flowsOf((await runToEnd('ndpiReader', ['-d', '-i', capture.file, '-v', '2'])).stdout)
    const names = ['tcp.stream', 'tcp.srcport', 'tls.record.length', 'tls.handshake.type']
    const lines = await capture.fields('tls.record', names, [proxyPort, maskPort])
    records = (port) => recordsOf(lines, port)
  })
  afterAll(async () => {
    await capture.remove()
    await stage.close()
  })

  it('nDPI takes a fake-TLS session for TLS with our host name, and sees the risks that the site itself has', () => {
    const [ours] = flows.filter(({ port, protocol }) => port === stage.program.port && protocol === 'TLS')
    const [same, own] = flows.filter(({ port }) => port === stage.mask.port)
    expect(ours).toMatchObject({ protocol: 'TLS', sni: DOMAIN })
    expect(own).toMatchObject({ protocol: 'TLS', sni: DOMAIN })
    // What it minds of this hello: the tests' port, and GREASE. Nothing of the answer.
    expect(ours.risks).toEqual(same.risks)
    expect(ours.ja3s).toBe(own.ja3s)
  })

  it("tshark finds the mask site's JA3S in every answer", async () => {
    const ports = [stage.program.port, stage.mask.port]
    const answers = await capture.fields('tls.handshake.type==2', ['tcp.srcport', 'tls.handshake.ja3s'], ports)
    const by = (port: number) => answers.filter(([from]) => from === String(port)).map(([, ja3s]) => ja3s)
    expect(by(stage.program.port)).toHaveLength(1 + PINGS)
    expect(new Set([...by(stage.program.port), ...by(stage.mask.port)]).size).toBe(1)
  })

  it('the enciphered flight is as long as that of the site for the same hello', () => {
    const [site] = records(stage.mask.port)
    const ours = records(stage.program.port)
    const flight = (lengths: readonly number[]) => lengths.slice(2).reduce((sum, length) => sum + length + 5, 0)
    expect(ours).toHaveLength(1 + PINGS)
    for (const answer of ours) {
      const difference = flight(answer.slice(0, ANSWER_RECORDS)) - flight(site)
      expect(Math.abs(difference)).toBeLessThanOrEqual(SIGNATURE_SPREAD)
    }
  })

  it('no record behind it has a length that is always the same', () => {
    const behind = records(stage.program.port).map((lengths) => lengths.slice(ANSWER_RECORDS))
    for (const lengths of behind) {
      expect(lengths.length).toBeGreaterThan(0)
      for (const length of lengths) expect(length > 0 && length <= RECORD_MAX).toBe(true)
    }
    expect(new Set(behind.map(([first]) => first)).size).toBeGreaterThan(1)
  })

  it('nDPI knows nothing of a padded session', () => {
    const ours = flows.filter(({ port }) => port === stage.program.port)
    expect(
      ours.filter(({ protocol }) => protocol === 'Unknown'),
      JSON.stringify(flows),
    ).toHaveLength(1)
    expect(ours.filter(({ protocol }) => protocol === 'TLS')).toHaveLength(1 + PINGS)
  })
})

/** Lines such as: 1 TCP 127.0.0.1:4 <-> 127.0.0.1:5 [proto: 91/TLS]...[Hostname/SNI: x]...[Risk: ** A **** B **][... */
function flowsOf(text: string): Flow[] {
  const found = text.matchAll(/TCP [\d.]+:\d+ <-> [\d.]+:(\d+) \[proto: [\d.]+\/([^\]]+)\](.*)/g)
  return [...found].map(([, port, protocol, rest]) => ({
    port: Number(port),
    protocol,
    sni: /\[Hostname\/SNI: ([^\]]+)\]/.exec(rest)?.[1],
    risks: [...(/\[Risk: ([^\]]+)\]/.exec(rest)?.[1] ?? '').matchAll(/\*\* (.+?) \*\*/g)].map(([, risk]) => risk),
    ja3s: /\[JA3S: ([^\]]+)\]/.exec(rest)?.[1],
  }))
}

/** Of connections that begin with a server's hello: what is no TLS looks like records now and then. */
function recordsOf(lines: readonly string[][], port: number): number[][] {
  const byStream = new Map<string, number[]>()
  for (const [stream, from, lengths, handshake] of lines) {
    if (from !== String(port)) continue
    if (handshake === SERVER_HELLO) byStream.set(stream, [])
    byStream.get(stream)?.push(...lengths.split(',').map(Number))
  }
  return [...byStream.values()]
}
