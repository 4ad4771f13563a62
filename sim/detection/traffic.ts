import type { SeededRandom } from '../world/random.ts'

/** Who sends it: honest people by the kind of their address, or an attack. */
export type Label = 'home' | 'cgnat' | 'mistyped' | Attack
export const ATTACKS = [
  'brute force',
  'replay',
  'flood',
  'slowloris',
  'probes',
  'wide botnet',
  'IPv6 rotation',
  'bulk abuse',
] as const
export type Attack = (typeof ATTACKS)[number]

/** How one connection goes, as the guard sees it. */
export type Course = 'good' | 'failure' | 'halfOpen' | 'replay'

export interface Arrival {
  readonly atMs: number
  readonly ip: string
  readonly label: Label
  readonly course: Course
  /** From the arrival to the verdict, and from there to the end. */
  readonly verdictMs: number
  readonly holdMs: number
}

export const DAY_MS = 600_000
const HOMES = 1_500
const CGNATS = 12
const MISTYPED = 25
/** Of an honest client's connections: dialled ahead and never used, or broken on a bad network. */
const HALF_OPEN = [1, 20] as const
const BROKEN = [1, 100] as const

/** Ten minutes of a proxy: people, a wave of reconnects, and whoever attacks. Sorted by time. */
export function draw(random: SeededRandom, attacks: readonly Attack[] = ATTACKS): Arrival[] {
  const arrivals: Arrival[] = []
  const wave = random.below(DAY_MS)
  for (let i = 0; i < HOMES; i++) person(arrivals, random, homeIp(i), 'home', wave)
  for (let i = 0; i < CGNATS; i++) {
    const users = random.between(80, 400)
    for (let user = 0; user < users; user++) person(arrivals, random, `100.64.${i}.1`, 'cgnat', wave)
  }
  for (let i = 0; i < MISTYPED; i++) mistyped(arrivals, random, `198.18.${i}.7`)
  for (const attack of attacks) DRAW[attack](arrivals, random, span(random), attack)
  return arrivals.sort((a, b) => a.atMs - b.atMs)
}

interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

/** An attack lasts two to four minutes. */
function span(random: SeededRandom): Span {
  const lengthMs = random.between(120_000, 240_000)
  const fromMs = random.below(DAY_MS - lengthMs)
  return { fromMs, untilMs: fromMs + lengthMs }
}

function homeIp(i: number): string {
  return i % 3 === 0 ? `2001:db8:${(i + 1).toString(16)}:1::1` : `93.${100 + (i >> 8)}.${i & 255}.${10 + (i % 90)}`
}

/** Comes now and then, and once more with everybody else. */
function person(to: Arrival[], random: SeededRandom, ip: string, label: Label, wave: number): void {
  const good = (atMs: number) => {
    let course: Course = 'good'
    if (random.chance(...HALF_OPEN)) course = 'halfOpen'
    else if (random.chance(...BROKEN)) course = 'failure'
    to.push({ atMs, ip, label, course, verdictMs: random.between(30, 400), holdMs: random.between(500, 120_000) })
  }
  for (let atMs = random.below(150_000); atMs < DAY_MS; atMs += random.between(10_000, 300_000)) {
    // A client opens two or three at once.
    for (let each = random.between(1, 3); each > 0; each--) good(atMs + random.below(400))
  }
  const back = wave + random.below(20_000)
  if (back < DAY_MS) good(back)
}

/** Has the wrong secret, and a client that tries again and again. */
function mistyped(to: Arrival[], random: SeededRandom, ip: string): void {
  for (let atMs = random.below(DAY_MS); atMs < DAY_MS; atMs += random.between(5_000, 60_000))
    to.push({ atMs, ip, label: 'mistyped', course: 'failure', verdictMs: random.between(30, 400), holdMs: 2_000 })
}

type DrawAttack = (to: Arrival[], random: SeededRandom, span: Span, label: Attack) => void

const DRAW: Readonly<Record<Attack, DrawAttack>> = {
  'brute force': bots({ count: 20, ip: (i) => `45.10.${i}.3`, everyMs: [100, 600], course: 'failure' }),
  replay: bots({ count: 10, ip: (i) => `45.11.${i}.3`, everyMs: [5_000, 20_000], course: 'replay' }),
  flood: bots({ count: 30, ip: (i) => `45.12.${i}.3`, everyMs: [30, 60], course: 'halfOpen' }),
  slowloris: bots({
    count: 40,
    ip: (i) => `45.13.${i}.3`,
    everyMs: [1_000, 4_000],
    course: 'failure',
    verdictMs: 10_000,
  }),
  probes: bots({ count: 60, ip: (i) => `45.14.${i}.3`, everyMs: [15_000, 60_000], course: 'failure' }),
  'wide botnet': bots({
    count: 5_000,
    ip: (i) => `${50 + (i % 40)}.${(i >> 5) & 255}.${(i * 7) & 255}.${1 + (i % 250)}`,
    everyMs: [60_000, 120_000],
    course: 'failure',
  }),
  'IPv6 rotation': (to, random, { fromMs, untilMs }, label) => {
    let network = 0
    for (let atMs = fromMs; atMs < untilMs; atMs += random.between(100, 300))
      to.push(attempt(random, atMs, `2001:db8:ffff:${(++network).toString(16)}::1`, label, 'failure', 200))
  },
  /** Knows a secret, and takes what it can get. */
  'bulk abuse': bots({ count: 20, ip: (i) => `45.15.${i}.3`, everyMs: [500, 2_000], course: 'good' }),
}

interface Bots {
  readonly count: number
  readonly ip: (index: number) => string
  readonly everyMs: readonly [number, number]
  readonly course: Course
  readonly verdictMs?: number
}

function bots({ count, ip, everyMs, course, verdictMs = 200 }: Bots): DrawAttack {
  return (to, random, { fromMs, untilMs }, label) => {
    for (let i = 0; i < count; i++)
      for (let atMs = fromMs + random.below(everyMs[1]); atMs < untilMs; atMs += random.between(...everyMs))
        to.push(attempt(random, atMs, ip(i), label, course, verdictMs))
  }
}

function attempt(
  random: SeededRandom,
  atMs: number,
  ip: string,
  label: Label,
  course: Course,
  verdictMs: number,
): Arrival {
  return {
    atMs,
    ip,
    label,
    course,
    verdictMs: random.between(verdictMs / 2, verdictMs),
    holdMs: random.between(50, 3_000),
  }
}
