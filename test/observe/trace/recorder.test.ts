import { beforeEach, describe, expect, it } from 'vitest'
import { parseIp } from '../../../src/core/address.ts'
import type { ProxyEvent } from '../../../src/core/events.ts'
import { toHex } from '../../../src/core/protocol/bytes.ts'
import { DIRECT_ONLY, UNGUARDED, type Settings } from '../../../src/core/settings.ts'
import type { TraceRecord } from '../../../src/observe/trace/layout.ts'
import { PrefixCipher } from '../../../src/observe/trace/prefix-cipher.ts'
import { keyIdOf, readRecordedConfig, recordConfig } from '../../../src/observe/trace/recorded.ts'
import { TraceRecorder, type Standing, type TraceSink } from '../../../src/observe/trace/recorder.ts'
import { readAll } from './records.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, at) => 7 * at + 1)
const CLIENT = '203.0.113.77'
const NEIGHBOUR = '2001:db8:7:8::9'
const NETWORK = '192.0.2.0/24'

const SETTINGS: Settings = {
  listen: {
    ...{ proxyProtocol: 'off', proxyProtocolFrom: [], firstByteTimeoutMs: 60_000, handshakeTimeoutMs: 10_000 },
    ...{ prewarmTimeoutMs: 300_000, drainTimeoutMs: 1_000 },
  },
  secrets: [
    {
      ...{ id: 41, name: 'family', modes: ['fake-tls'], domain: 'www.example.com', onRemove: 'drain' },
      ...{ expiresAt: 0, access: 'standard' },
      limits: { connectionsMax: 0, addressesMax: 3, bytesPerSec: 0, quota: { bytes: 1_000_000, period: 'day' } },
    },
  ],
  access: {
    ...{ default: 'standard', allow: [], deny: [NETWORK, CLIENT], rules: [{ cidr: '2001:db8:7::/48', level: 'full' }] },
    lists: [{ source: 'https://lists.example/deny?token=hunter2', level: 'none', refreshMs: 3_600_000 }],
  },
  mask: { host: '', port: 443, skewSec: 120, maxBytes: 1, maxTimeMs: 1 },
  telegram: { prefer: 'auto', connectTimeoutMs: 10_000, socks5: undefined, dc: {}, ...DIRECT_ONLY },
  guard: UNGUARDED,
  relay: { idleTimeoutMs: 1, maxLifetimeMs: 0 },
  dns: { staleMs: 0 },
  memory: { buffersBytes: 1 << 26, perConnectionBytes: 1 << 18, ceilingBytes: 1 << 29 },
}

/** Files in memory; takes no more than it is told to. */
class Disk implements TraceSink {
  readonly files: Uint8Array[][] = []
  isFull = false

  begin(head: Uint8Array): void {
    this.files.push([head])
  }
  write(block: Uint8Array): boolean {
    if (!this.isFull) this.files.at(-1)?.push(block)
    return !this.isFull
  }
  get bytes(): Buffer {
    return Buffer.concat(this.files.flat())
  }
  records(file: number): TraceRecord[] {
    const { records, state } = readAll([Buffer.concat(this.files[file])])
    expect(state).toEqual({ kind: 'whole' })
    return records
  }
}

const cipher = new PrefixCipher(KEY)
const encrypt = (ip: Uint8Array) => cipher.encrypt(ip)
const standing = (settings: Settings): Standing => ({
  config: recordConfig(settings, encrypt, () => 77),
  users: new Map(settings.secrets.map(({ id }, at) => [id, at])),
})

let disk: Disk
let nowMs: number
beforeEach(() => {
  disk = new Disk()
  nowMs = 5_000
})

function recorderOf(rotateBytes = Infinity): TraceRecorder {
  return new TraceRecorder({
    ...{ sink: disk, cipher, rotateBytes, standing: standing(SETTINGS) },
    about: { version: '0.1.0', worker: 1, run: '00000000000000aa', keyId: keyIdOf(KEY) },
    ...{ mono: () => nowMs, wall: () => 1_790_000_000 },
    bans: () => [{ prefix: `${CLIENT}/32`, reason: 'failures', forMs: 1_000, times: 2 }],
  })
}

function judged(connection: number, ip: string): ProxyEvent {
  return { kind: 'judged', connection, client: { ip, port: 1024 }, level: 'standard', refusal: undefined }
}

describe('the recorder', () => {
  it('writes what a connection did, its address encrypted', () => {
    const recorder = recorderOf()
    recorder.emit({ kind: 'accepted', connection: 5, client: { ip: CLIENT, port: 1 } })
    recorder.emit(judged(5, CLIENT))
    nowMs += 20
    recorder.emit({ kind: 'entered', connection: 5, client: { ip: CLIENT, port: 1 }, secret: 41 })
    recorder.end()
    const [, , , ...rest] = disk.records(0)
    expect(rest.map(({ kind, atMs }) => [kind, atMs])).toEqual([
      ['judged', 0],
      ['entered', 20],
      ['end', 20],
    ])
    expect(rest[0]).toMatchObject({ ip: encrypt(parseIp(CLIENT)!), connection: 5 })
    expect(rest[1]).toMatchObject({ user: 1 })
  })

  it('begins a file with the configuration and the bans in force', () => {
    recorderOf()
    const [start, config, ban] = disk.records(0)
    expect(start).toMatchObject({ start: { worker: 1, sequence: 0, wallSec: 1_790_000_000, monoMs: 5_000 } })
    const read = readRecordedConfig((config as TraceRecord & { kind: 'config' }).config)
    expect(read).toMatchObject({ guard: UNGUARDED, users: [{ name: 'family', usedBytes: 77 }] })
    expect(ban).toMatchObject({ kind: 'banned', bits: 32, forMs: 1_000, times: 2 })
  })

  it('tells no address, no key and no address of a list (I24)', () => {
    const recorder = recorderOf()
    recorder.emit(judged(1, CLIENT))
    recorder.emit(judged(2, NEIGHBOUR))
    const ban = { kind: 'banned', reason: 'failures', forMs: 1_000, times: 1, score: 120 } as const
    recorder.emit({ ...ban, prefix: CLIENT })
    recorder.emit({ ...ban, prefix: '2001:db8:7::/48' })
    recorder.emit({ kind: 'unbanned', prefix: NETWORK })
    recorder.end()
    const raw = (ip: string, bytes: number) => parseIp(ip)!.subarray(0, bytes)
    const clear = [CLIENT, '203.0.113', NEIGHBOUR, '2001:db8', '192.0.2.', 'hunter2', 'lists.example']
    const bytes = [raw(CLIENT, 4), raw(NEIGHBOUR, 6), raw('192.0.2.0', 3)]
    // Neither the key nor eight bytes of it in a row, in any form.
    const keys = Array.from({ length: 25 }, (_, at) => KEY.subarray(at, at + 8)).flatMap((part) => [part, toHex(part)])
    for (const needle of [...clear, ...bytes, ...keys])
      expect(disk.bytes.includes(typeof needle === 'string' ? needle : Buffer.from(needle))).toBe(false)
  })

  it('holds a record for a second at most', () => {
    const recorder = recorderOf()
    recorder.emit(judged(1, CLIENT))
    nowMs += 999
    recorder.tick()
    expect(disk.files[0]).toHaveLength(1)
    nowMs += 1
    recorder.tick()
    expect(disk.files[0]).toHaveLength(2)
  })

  it('begins a new file when one is large enough, which can be read by itself', () => {
    const recorder = recorderOf(100_000)
    for (let connection = 1; connection <= 20_000; connection++) recorder.emit(judged(connection, CLIENT))
    recorder.end()
    expect(disk.files.length).toBeGreaterThan(1)
    const sizes = disk.files.map((parts) => parts.reduce((sum, { length }) => sum + length, 0))
    for (const size of sizes.slice(0, -1)) expect(size).toBeLessThan(100_000 + (64 << 10))
    const seen = disk.files.flatMap((_, file) => disk.records(file)).filter(({ kind }) => kind === 'judged')
    expect(seen).toHaveLength(20_000)
    expect(recorder.counts.bytes).toBe(disk.bytes.length)
  })

  it('counts what a slow disk did not take, says so, and holds no more for it', () => {
    const recorder = recorderOf()
    disk.isFull = true
    for (let connection = 1; connection <= 50_000; connection++) recorder.emit(judged(connection, CLIENT))
    disk.isFull = false
    recorder.end()
    const lost = disk.records(0).filter((record) => record.kind === 'lost')
    expect(recorder.counts.lost).toBeGreaterThan(40_000)
    expect(lost.at(-1)).toMatchObject({ records: recorder.counts.lost })
  })

  it('tells a changed configuration once, and users by their places in it', () => {
    const recorder = recorderOf()
    const [family] = SETTINGS.secrets
    const next = { ...SETTINGS, secrets: [{ ...family, id: 42, name: 'other' }, family] }
    recorder.configure(standing(next))
    recorder.configure(standing(next))
    recorder.emit({ kind: 'kept-out', connection: 1, secret: 41, reason: 'quota' })
    recorder.emit({ kind: 'kept-out', connection: 2, secret: 99, reason: 'quota' })
    recorder.end()
    const records = disk.records(0)
    expect(records.filter(({ kind }) => kind === 'config')).toHaveLength(2)
    expect(records.flatMap((record) => (record.kind === 'kept-out' ? [record.user] : []))).toEqual([2, 0])
  })
})
