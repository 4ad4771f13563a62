import type { LoadMode, Way, Workload } from './load/job.ts'
import type { Comparison } from './stats.ts'

export type ProxyMode = Exclude<LoadMode, 'raw'>
export const PROXY_MODES: readonly ProxyMode[] = ['plain', 'dd', 'ee']

export type Goal = { readonly kind: 'ratio' | 'value'; readonly max: number }

/** What the proxy may cost on Bun, as a ratio to the relay's CPU, and for idle as KB a pair. Node has no goals of its own. */
const DIRECT: Readonly<Record<Workload, { readonly obfuscated: Goal; readonly fakeTls: Goal }>> = {
  download: { obfuscated: { kind: 'ratio', max: 1.15 }, fakeTls: { kind: 'ratio', max: 1.5 } },
  upload: { obfuscated: { kind: 'ratio', max: 1.6 }, fakeTls: { kind: 'ratio', max: 2.0 } },
  'ping-pong': { obfuscated: { kind: 'ratio', max: 1.15 }, fakeTls: { kind: 'ratio', max: 1.35 } },
  'set-up': { obfuscated: { kind: 'ratio', max: 2.2 }, fakeTls: { kind: 'ratio', max: 3.5 } },
  idle: { obfuscated: { kind: 'value', max: 10 }, fakeTls: { kind: 'value', max: 10 } },
}

/** By middle proxy, in every mode: a proxy deciphers, checks, frames and enciphers there what it passes on as it is otherwise. */
const MIDDLE: Readonly<Partial<Record<Workload, Goal>>> = {
  download: { kind: 'ratio', max: 3.0 },
  'ping-pong': { kind: 'ratio', max: 2.0 },
}

/** Undefined: a figure to know, with no goal. */
export function goalFor(way: Way, workload: Workload, mode: ProxyMode): Goal | undefined {
  if (way === 'middle') return MIDDLE[workload]
  return mode === 'ee' ? DIRECT[workload].fakeTls : DIRECT[workload].obfuscated
}

/** Uploads by middle proxy are not measured: what a client sends there is small next to what it is sent. */
export function hasWorkload(way: Way, workload: Workload): boolean {
  return way === 'direct' || workload !== 'upload'
}

/** Compared as printed, with two digits behind the point: 1.154 meets 1.15. */
export function isMet(goal: Goal, comparison: Comparison): boolean {
  const reached = goal.kind === 'ratio' ? comparison.ratio : comparison.proxy
  return Math.round(reached * 100) <= Math.round(goal.max * 100)
}

/** One figure per workload: what is divided by what, and how it reads. */
export const FIGURES: Readonly<Record<Workload, { readonly title: string; readonly unit: string }>> = {
  download: { title: 'download', unit: 'CPU-s/GB' },
  upload: { title: 'upload', unit: 'CPU-s/GB' },
  'ping-pong': { title: 'ping-pong, 128 bytes', unit: 'CPU-us/round trip' },
  'set-up': { title: 'set-up', unit: 'CPU-us/connection' },
  idle: { title: 'idle', unit: 'KB/pair' },
}

/** The figure of one run: CPU-s per 10^9 bytes, CPU-us per round trip or connection, KB (1024 bytes) per pair. */
export function figureOf(
  workload: Workload,
  run: { readonly cpuMs: number; readonly amount: number; readonly residentKb: number },
): number {
  switch (workload) {
    case 'download':
    case 'upload':
      return (run.cpuMs / 1e3) * (1e9 / run.amount)
    case 'ping-pong':
    case 'set-up':
      return (run.cpuMs * 1e3) / run.amount
    case 'idle':
      return run.residentKb / run.amount
  }
}
