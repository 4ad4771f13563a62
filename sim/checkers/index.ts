import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address } from '../../src/core/ports.ts'
import type { Scene } from '../scenarios/scene.ts'
import type { VirtualConnection } from '../world/connection.ts'
import { checkStreams } from './i01-streams.ts'
import { checkAdmission } from './i02-admission.ts'
import { checkMask } from './i03-mask.ts'
import { checkSources } from './i03-sources.ts'
import { checkUsers } from './i03-users.ts'
import { checkBans } from './i04-bans.ts'
import { checkBounds } from './i05-bounds.ts'
import { checkTrials } from './i06-trials.ts'
import { checkLeases } from './i07-leases.ts'
import { checkBuffers } from './i08-buffers.ts'
import { checkWaiting } from './i09-waiting.ts'
import { checkAccounts } from './i10-accounts.ts'
import { checkReload } from './i11-reload.ts'
import { checkReplay } from './i12-replay.ts'
import { checkQuotas } from './i14-quotas.ts'
import { checkReject } from './i15-reject.ts'
import { checkWayOut } from './i15-way-out.ts'
import { checkDeadlines } from './i16-deadlines.ts'
import { checkBanLengths } from './i17-ban-lengths.ts'
import { checkVault } from './i21-vault.ts'
import { checkAttempts } from './i25-attempts.ts'
import { checkOverload } from './i28-overload.ts'
import type { Seen } from './seen.ts'
import type { Question, VaultAnswer, VaultWitness } from './watched-vault.ts'

/** Watches one invariant of design.md, 5. Each hook is optional; what it finds it says through `fail`. */
export interface Checker {
  /** `pid`: of the process; 0 for the only one, and for a supervisor. Ids of connections are those of one process alone. */
  onEvent?(event: ProxyEvent, pid: number): void
  onSeen?(seen: Seen): void
  /** An attempt to connect, from the address of a host, by one of its processes. */
  onDial?(from: string, to: Address, pid: number): void
  /** An attempt came to a connection. */
  onOpen?(from: string, to: Address, pid: number): void
  /** A connection that somebody had is about to be somebody else's. */
  onHandOver?(connection: VirtualConnection): void
  /** The vault was asked; answers, which its asker is told next; and its asker has acted on it. */
  onAsk?(question: Question): void
  onAnswer?(question: Question, answer: VaultAnswer): void
  onAct?(): void
  /** After every step of the world. */
  onStep?(): void
  /** One process of several is gone, and what it held in shared tables was taken back. */
  onBuried?(pid: number): void
  /** All processes are gone; connection ids begin anew. */
  onCrash?(how: 'kill' | 'power-cut'): void
  /** Everything has ended. */
  onEnd?(): void
}
export type MakeChecker = (scene: Scene, fail: (what: string) => void) => Checker

/** I13 (same trace again, and on the other runtime) needs two runs: sim/run.ts and the unit tests check it. */
export const CHECKERS: Readonly<Record<string, readonly MakeChecker[]>> = {
  I1: [checkStreams],
  I2: [checkAdmission],
  I3: [checkUsers, checkSources, checkMask],
  I4: [checkBans],
  I5: [checkBounds],
  I6: [checkTrials],
  I7: [checkLeases],
  I8: [checkBuffers],
  I9: [checkWaiting],
  I10: [checkAccounts],
  I11: [checkReload],
  I12: [checkReplay],
  I14: [checkQuotas],
  I15: [checkReject, checkWayOut],
  I16: [checkDeadlines],
  I17: [checkBanLengths],
  I21: [checkVault],
  I25: [checkAttempts],
  I28: [checkOverload],
}

export interface Violation {
  readonly invariant: string
  readonly what: string
  /** Virtual ms since the start of the run. */
  readonly atMs: number
}

export interface Checkers extends VaultWitness {
  readonly violations: readonly Violation[]
  event(event: ProxyEvent, pid: number): void
  seen(seen: Seen): void
  dialled(from: string, to: Address, pid: number): void
  opened(from: string, to: Address, pid: number): void
  handedOver(connection: VirtualConnection): void
  stepped(): void
  buried(pid: number): void
  crashed(how: 'kill' | 'power-cut'): void
  ended(): void
  fail(invariant: string, what: string): void
}

/** How the line of a trace begins behind which nothing happened but what came of a violation. */
export const VIOLATED = 'violated'
/** One wrong thing shows up again and again; the first few say it. */
const VIOLATIONS_MAX = 20

export function openCheckers(scene: Scene): Checkers {
  const violations: Violation[] = []
  const startedAt = scene.world.now
  const fail = (invariant: string, what: string) => {
    if (violations.length >= VIOLATIONS_MAX) return
    violations.push({ invariant, what, atMs: scene.world.now - startedAt })
    scene.world.trace(`${VIOLATED} ${invariant}`)
  }
  const checkers = Object.entries(CHECKERS).flatMap(([invariant, makes]) =>
    makes.map((make) => make(scene, (what) => fail(invariant, what))),
  )
  return {
    violations,
    fail,
    event: (event, pid) => checkers.forEach((checker) => checker.onEvent?.(event, pid)),
    seen: (seen) => checkers.forEach((checker) => checker.onSeen?.(seen)),
    dialled: (from, to, pid) => checkers.forEach((checker) => checker.onDial?.(from, to, pid)),
    opened: (from, to, pid) => checkers.forEach((checker) => checker.onOpen?.(from, to, pid)),
    handedOver: (connection) => checkers.forEach((checker) => checker.onHandOver?.(connection)),
    asked: (question) => checkers.forEach((checker) => checker.onAsk?.(question)),
    answers: (question, answer) => checkers.forEach((checker) => checker.onAnswer?.(question, answer)),
    acted: () => checkers.forEach((checker) => checker.onAct?.()),
    stepped: () => checkers.forEach((checker) => checker.onStep?.()),
    buried: (pid) => checkers.forEach((checker) => checker.onBuried?.(pid)),
    crashed: (how) => checkers.forEach((checker) => checker.onCrash?.(how)),
    ended: () => checkers.forEach((checker) => checker.onEnd?.()),
  }
}
