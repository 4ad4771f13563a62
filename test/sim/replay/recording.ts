import { play } from '../../../sim/attacks/play.ts'
import { readScenario, type Scenario } from '../../../sim/attacks/plan/read.ts'
import { timelineOf, type Timeline, type TracePart } from '../../../sim/replay/timeline.ts'
import { whatIf } from '../../../sim/replay/what-if.ts'
import type { Report } from '../../../sim/replay/compare.ts'
import type { Listed } from '../../../sim/replay/terms.ts'
import { WALL_START } from '../../../sim/world/world.ts'
import type { Settings } from '../../../src/core/settings.ts'
import type { TraceRecord } from '../../../src/observe/trace/layout.ts'
import { PrefixCipher } from '../../../src/observe/trace/prefix-cipher.ts'
import { TraceReader } from '../../../src/observe/trace/reader.ts'
import { keyIdOf, recordConfig } from '../../../src/observe/trace/recorded.ts'
import { TraceRecorder } from '../../../src/observe/trace/recorder.ts'

export const KEY = new Uint8Array(32).fill(7)
/** When a scenario begins, by the clocks of its world. */
const START_MS = 1_005_000
const START_SEC = WALL_START + 5

export interface Recording {
  readonly scenario: Scenario
  /** As files of one process. */
  readonly files: readonly Uint8Array[]
  /** Addresses of each group of the scenario. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  /** Addresses from which somebody was let in. */
  readonly served: ReadonlySet<string>
  readonly connections: number
}

export function scenarioOf(text: string): Scenario {
  const scenario = readScenario(text, 'test.toml')
  if ('problems' in scenario) throw new Error(JSON.stringify(scenario.problems))
  return scenario
}

/** Plays a scenario and records what the proxy says. */
export function record(scenario: Scenario, seed: number, rotateBytes = Infinity): Recording {
  const cipher = new PrefixCipher(KEY)
  const { settings } = scenario
  const files: Uint8Array[][] = []
  let nowMs = START_MS
  const recorder = new TraceRecorder({
    sink: {
      begin: (head) => files.push([head]),
      write: (block) => (files.at(-1)?.push(block) ?? 0) > 0,
    },
    cipher,
    about: { version: 'test', worker: 0, run: '0000000000000001', keyId: keyIdOf(KEY) },
    mono: () => nowMs,
    wall: () => START_SEC + Math.floor((nowMs - START_MS) / 1000),
    rotateBytes,
    standing: {
      config: recordConfig(
        settings,
        (ip) => cipher.encrypt(ip),
        () => 0,
      ),
      users: new Map(settings.secrets.map(({ id }, at) => [id, at])),
    },
    bans: () => [],
  })
  const groups = new Map<string, Set<string>>()
  const ipOf = new Map<number, string>()
  const served = new Set<string>()
  let connections = 0
  play(scenario, seed, {
    onEvent: (atMs, event, truth) => {
      nowMs = START_MS + atMs
      recorder.emit(event)
      recorder.tick()
      if (event.kind === 'authenticated') served.add(ipOf.get(event.connection) ?? '')
      if (event.kind !== 'accepted') return
      connections++
      ipOf.set(event.connection, event.client.ip)
      const group = groups.get(truth?.group ?? '') ?? new Set()
      groups.set(truth?.group ?? '', group.add(event.client.ip))
    },
  })
  recorder.end()
  return { scenario, files: files.map((parts) => Buffer.concat(parts)), groups, served, connections }
}

export function partsOf(files: readonly Uint8Array[]): TracePart[] {
  return files.map((file) => {
    const records: TraceRecord[] = []
    const reader = new TraceReader((record) => records.push(record))
    reader.push(file)
    const [first] = records
    if (reader.end().kind !== 'whole' || first.kind !== 'start') throw new Error('the trace is not whole')
    return { start: first.start, records }
  })
}

export interface Replaying {
  /** With the key of the addresses unless said. */
  readonly hasKey?: boolean
  readonly listed?: Listed
  /** Puts something else in place of what was recorded. */
  readonly alter?: (timeline: Timeline) => Timeline
}

/** What `next` would decide otherwise. */
export function replayed(
  { files }: Recording,
  next: Settings | undefined,
  { hasKey = true, listed = new Map(), alter = (timeline) => timeline }: Replaying = {},
): Report {
  const cipher = new PrefixCipher(KEY)
  const timeline = alter(timelineOf(partsOf(files), hasKey ? (ip) => cipher.decrypt(ip) : undefined))
  return whatIf({ timeline, next, hasKey, listed, notes: [] })
}
