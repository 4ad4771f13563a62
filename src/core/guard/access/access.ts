import { write16 } from '../../protocol/bytes.ts'
import { CallbackTimer } from '../../memory/wheel.ts'
import type { AccessSettings } from '../../settings.ts'
import { SourceKey } from '../sources/source-key.ts'
import type { Steps } from './flatten.ts'
import type { AccessLevel } from './levels.ts'
import { AccessList, type ListPorts } from './lists.ts'
import { RuleSet, type Decider } from './rule-set.ts'

/** Most prefixes of all lists together: 22 MB when all are IPv6, of which the table is 15 MB. */
export const LISTED_PREFIXES_MAX = 400_000
/** Prefixes touched at a time when rules are made anew: some 15 ms. */
const WORK_PER_TICK = 250_000
/** Between the first questions to several sources. */
const STAGGER_MS = 500

export interface AccessDecision {
  readonly level: AccessLevel
  readonly by: Decider
  /** The list it was: its source as configured. */
  readonly source?: string
}

/**
 * Who may come in, and how far: the configured rules and the lists together. Every change makes the rules anew as a whole;
 * until those are ready the ones before are in force, so there is no moment without any.
 */
export class AccessRules {
  readonly #ports: ListPorts
  #settings: AccessSettings
  #lists: readonly AccessList[]
  #inForce: { readonly rules: RuleSet; readonly sources: readonly string[] }
  #making: { readonly steps: Steps<RuleSet>; readonly sources: readonly string[] } | undefined
  readonly #source = new SourceKey()
  readonly #ipv4 = new Uint8Array(4)
  readonly #ipv6 = new Uint8Array(16)
  readonly #timer = new CallbackTimer(() => this.#makeOn(WORK_PER_TICK))

  constructor(ports: ListPorts, settings: AccessSettings) {
    this.#ports = ports
    this.#settings = settings
    this.#lists = settings.lists.map((list) => this.#open(list))
    this.#inForce = { rules: finished(RuleSet.make(settings, [])), sources: [] }
  }

  /** Prefixes of lists that are in force. */
  get listed(): number {
    return this.#lists.reduce((sum, { prefixes }) => sum + prefixes.count, 0)
  }

  /** Of an address as text, without an allocation. What is no address counts as 0.0.0.0. */
  levelOf(ip: string): AccessLevel {
    const source = this.#source
    if (!source.read(ip)) source.words.fill(0)
    const bytes = source.family === 6 ? this.#ipv6 : this.#ipv4
    for (let at = 0; at < bytes.length; at += 4) {
      write16(bytes, at, source.words[at >> 2] >>> 16)
      write16(bytes, at + 2, source.words[at >> 2] & 0xffff)
    }
    return this.#inForce.rules.levelOf(bytes)
  }

  /** The same for 4 or 16 bytes, without an allocation. */
  levelOfBytes(ip: Uint8Array): AccessLevel {
    return this.#inForce.rules.levelOf(ip)
  }

  /** The same, and what decided: for whoever wants to know why. */
  explain(ip: Uint8Array): AccessDecision {
    const { rules, sources } = this.#inForce
    const { level, by, list } = rules.decide(ip)
    return list === undefined ? { level, by } : { level, by, source: sources[list] }
  }

  /** Starts to read lists and to keep them fresh. */
  start(): void {
    for (const [at, list] of this.#lists.entries()) list.start(at * STAGGER_MS)
  }

  /** Other settings: lists that stay keep what they have read, and all sources are asked again. */
  apply(settings: AccessSettings): void {
    const before = new Map(this.#lists.map((list) => [list.source, list]))
    const started = new Set<AccessList>()
    this.#settings = settings
    this.#lists = settings.lists.map((its) => {
      const list = before.get(its.source) ?? this.#open(its)
      if (before.delete(its.source)) list.settings = its
      else started.add(list)
      return list
    })
    for (const list of before.values()) list.close({ isGone: true })
    this.#make()
    for (const [at, list] of this.#lists.entries()) {
      if (started.has(list)) list.start(at * STAGGER_MS)
      else list.refresh()
    }
  }

  close(): void {
    for (const list of this.#lists) list.close({ isGone: false })
    this.#ports.wheel.disarm(this.#timer)
  }

  #open(settings: AccessSettings['lists'][number]): AccessList {
    const list: AccessList = new AccessList(settings, this.#ports, {
      room: () => LISTED_PREFIXES_MAX - (this.listed - list.prefixes.count),
      onTaken: () => this.#make(),
    })
    return list
  }

  /** Small rules hold when this returns; large ones some ticks later. */
  #make(): void {
    const lists = this.#lists.map(({ prefixes, settings }, place) => ({ prefixes, place, level: settings.level }))
    this.#making = {
      steps: RuleSet.make(this.#settings, lists),
      sources: this.#lists.map(({ source }) => source),
    }
    this.#makeOn(WORK_PER_TICK)
  }

  #makeOn(work: number): void {
    if (this.#making === undefined) return
    const { steps, sources } = this.#making
    for (let left = work; left > 0;) {
      const step = steps.next()
      if (step.done === true) {
        this.#inForce = { rules: step.value, sources }
        this.#making = undefined
        return
      }
      left -= step.value
    }
    this.#ports.wheel.arm(this.#timer, this.#ports.clock.mono())
  }
}

function finished<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
