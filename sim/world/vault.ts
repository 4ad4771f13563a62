import type { Emit } from '../../src/core/events.ts'
import type { Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../../src/core/ports.ts'
import { assert } from '../../src/core/assert.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { SplitVault } from '../../src/vault/split.ts'
import { WaitingVault } from '../../src/vault/waiting.ts'
import type { FakeToken } from './token.ts'
import type { World } from './world.ts'

/** How long a process waits for one answer of a token that says nothing. */
export const SILENCE_MS = 2_000

type MatchReply = (match: Match | VaultFailure | undefined, trials: number) => void
type SignReply = (mac: Uint8Array | undefined) => void

export interface VaultPlan {
  /** `both`: every other secret. */
  readonly place: 'memory' | 'token' | 'both'
  readonly outage: 'wait' | 'mask'
  /** 0: answers come at once. */
  readonly answerMs: number
}

/** By the number of the secret, from 1 on. */
export function isInToken({ place }: VaultPlan, id: SecretId): boolean {
  return place === 'token' || (place === 'both' && id % 2 === 1)
}

export interface SimulatedVaultOptions {
  readonly world: World
  readonly plan: VaultPlan
  readonly token: FakeToken
  /** Of secrets 1, 2 and so on; in the token by the same numbers. */
  readonly keys: readonly Uint8Array[]
  readonly waitMs: number
  /** By how much every answer is late now, in ms; absent: never. */
  readonly slowMs?: () => number
  readonly emit: Emit
  /** Hands an answer to the process; one for a process that died reaches nobody. */
  readonly deliver: (answer: () => void) => void
}

/** The vaults of one simulated process: what keeps secrets, finds them again, and waits for them, is what runs outside. */
export class SimulatedVault implements Vault {
  readonly #vault: Vault
  readonly #hsm: HsmVault | undefined
  readonly #waiting: WaitingVault | undefined

  constructor(options: SimulatedVaultOptions) {
    const { world, plan, keys, waitMs, deliver, slowMs = () => 0 } = options
    const later = (ms: number, run: () => void) => {
      if (ms === 0) run()
      else world.after(ms, () => deliver(run))
    }
    const memory = new MemoryVault({ later: (run) => later(plan.answerMs + slowMs(), run) })
    if (plan.place !== 'memory') this.#hsm = openToken(options)
    keys.forEach((key, at) => {
      const id = at + 1
      if (this.#hsm === undefined || !isInToken(plan, id)) memory.put(id, key)
      else this.#hsm.put(id, String(id))
    })
    this.#vault = memory
    if (this.#hsm === undefined) return
    const hsm = this.#hsm
    const far = new FarVault(hsm, (run) => later(options.token.isSilent ? SILENCE_MS : plan.answerMs + slowMs(), run))
    const split = new SplitVault({ near: memory, far, isFar: (id) => isInToken(plan, id) })
    this.#vault = split
    if (plan.outage === 'mask') return
    const now = () => world.now
    this.#waiting = new WaitingVault({ vault: split, isReachable: () => hsm.isReachable, now, waitMs })
    this.#vault = this.#waiting
  }

  /** Also where all secrets are in memory. */
  get isReachable(): boolean {
    return this.#hsm?.isReachable ?? true
  }

  /** As a reload does. */
  set waitMs(ms: number) {
    if (this.#waiting !== undefined) this.#waiting.waitMs = ms
  }

  match(hello: Hello, candidates: readonly SecretId[], reply: MatchReply): void {
    this.#vault.match(hello, candidates, reply)
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: SignReply): void {
    this.#vault.sign(key, parts, reply)
  }

  tick(): void {
    this.#hsm?.tick()
    this.#waiting?.tick()
  }

  /** Whether somebody waits for the next tick. */
  get isBusy(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0
  }
}

/** As at a start, when the token must answer. */
function openToken({ world, token, emit }: SimulatedVaultOptions): HsmVault {
  const probed = probe(token)
  assert(!('why' in probed), 'a token that is well passes the probe')
  const tell = (state: 'gone' | 'back', why = '') => emit({ kind: 'vault', state, why })
  return new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => world.now, wall: () => world.clock.wall() },
    pin: new PinWatch(new Int32Array(1), { pid: 4711, isAlive: () => true }),
    events: {
      onError: () => {},
      onGone: (why) => tell('gone', why),
      onBack: () => tell('back'),
      onPinRefused: () => assert(false, 'the PIN of a simulated token is right'),
      onMissing: () => {},
    },
  })
}

/** A vault in another process: whatever it answers comes later. */
class FarVault implements Vault {
  readonly #vault: Vault
  readonly #later: (run: () => void) => void

  constructor(vault: Vault, later: (run: () => void) => void) {
    this.#vault = vault
    this.#later = later
  }

  match(hello: Hello, candidates: readonly SecretId[], reply: MatchReply): void {
    this.#vault.match(hello, candidates, (match, trials) => this.#later(() => reply(match, trials)))
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: SignReply): void {
    this.#vault.sign(key, parts, (mac) => this.#later(() => reply(mac)))
  }
}
