import type { Verdict } from '../attacks/judge.ts'
import { milliseconds, number, percent, size } from './figures.ts'

const WORDS: Readonly<Record<string, string>> = {
  honest_connected_min: 'honest attempts that came to an answer',
  throughput_lost_max: 'bytes that honest clients asked for and did not get',
  connect_p99_max: 'time to connect, 99th percentile',
  honest_banned_max: 'honest addresses banned',
  attackers_served_max: 'attackers\u2019 connections answered as a client is',
  detect_within: 'from the first attack to a ban or an alarm',
  recover_within: 'from the end of all trouble to the last attempt that failed',
  sources_max: 'sources tracked',
  pool_max: 'memory in buffers at most',
  faults: 'assertions of the proxy\u2019s own that failed',
  strays: 'hosts dialled that are neither a DC nor the mask host',
  connected_min: 'attempts that came to an answer',
  trials_max: 'secrets tried on their hellos',
  got_max: 'bytes that one connection got at most',
  got_total_max: 'bytes that they got together',
}
const SHARES = ['honest_connected_min', 'throughput_lost_max', 'attackers_served_max', 'connected_min']
const SIZES = ['pool_max', 'got_max', 'got_total_max']
const TIMES = ['connect_p99_max', 'detect_within', 'recover_within']

export interface VerdictText {
  readonly what: string
  readonly wanted: string
  readonly found: string
}

/** An assertion in words; one that nobody knows here keeps its name and plain figures. */
export function verdictText({ assertion, bound, wanted, found }: Omit<Verdict, 'isHeld'>): VerdictText {
  const [, group, key = assertion] = /^(?:honest|attack)\.(.+)\.([a-z_0-9]+)$/.exec(assertion) ?? []
  const words = Object.hasOwn(WORDS, key) ? WORDS[key] : key
  const what = group === undefined ? words : `of ${group}: ${words}`
  return {
    what,
    wanted: `${bound} ${shown(key, wanted)}`,
    found: found === undefined ? 'it never came' : shown(key, found),
  }
}

function shown(key: string, value: number): string {
  if (SHARES.includes(key)) return percent(value)
  if (TIMES.includes(key)) return milliseconds(value)
  return SIZES.includes(key) ? size(value) : number(value)
}
