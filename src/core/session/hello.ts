import type { Mode, RejectReason } from '../events.ts'
import { lower, type AccessLevel } from '../guard/access/index.ts'
import { isBootStamp } from '../guard/replay.ts'
import { readClientHello, type ClientHello } from '../protocol/faketls/client-hello.ts'
import { ANSWER_RANDOM_AT, makeAnswer } from '../protocol/faketls/server-hello.ts'
import { INIT_LENGTH, readInit } from '../protocol/obfuscated2.ts'
import { MaskLine } from '../mask/line.ts'
import type { KeyRef, Match, SecretId, VaultFailure } from '../ports.ts'
import { Accumulator } from './accumulator.ts'
import { DiscardStage } from './discard.ts'
import { InitStage } from './init.ts'
import { jittered } from './jitter.ts'
import { isRequest, isOtherProtocol } from './other-protocols.ts'
import { OpeningStage } from './opening.ts'
import type { Session, Stage } from './session.ts'

/** A hello is at most 16 KiB and five bytes; whoever sends more without making sense is not a client. */
const SEEN_MAX_BYTES = 16_389
/** Bytes 8..55 of an init are its keys and counters: what an attacker cannot vary without losing the match. */
const INIT_IDENTITY = { from: 8, to: 56 }
/** The first 28 bytes of a hello's random are its MAC; the last four are the stamp, which the MAC does not cover. */
const MAC_LENGTH = 28
/** A vault that works has answered long before. */
const PATIENCE_MS = 1000

/**
 * Collects what the client says first and decides, before any byte of ours, whether it is one: the secret, the host it
 * named, its clock, and last whether this very hello was seen before. Any no sends it to the mask host.
 *
 * An address that may not come in is read like any other, up to where secrets would be tried: what it gets, and when, is what
 * a stranger gets. Live connections keep the level they came in with.
 */
export class HelloStage implements Stage {
  readonly name = 'hello'
  readonly #session: Session
  #seen: Accumulator
  #hasEnded = false
  /** The vault is working on it: input is paused, and nothing is decided before its answer. */
  #asking: Asking | undefined
  #hasLeft = false
  /** Where the mask host's own patience counts. */
  #line: MaskLine | undefined

  constructor(session: Session) {
    this.#session = session
    this.#seen = new Accumulator(session.services.pool, session)
  }

  /** Bytes that came behind a PROXY header; before `enter`. False when there is no buffer for them. */
  adopt(rest: Uint8Array): boolean {
    return this.#seen.add(rest)
  }

  enter(): void {
    const { random, settings } = this.#session.services
    const { firstByteTimeoutMs, handshakeTimeoutMs } = settings.listen
    this.#session.setDeadline(jittered(this.#seen.length === 0 ? firstByteTimeoutMs : handshakeTimeoutMs, random))
    if (settings.mask.dialsEarly === true) this.#dialEarly()
    if (this.#seen.length === 0) return
    this.#greet()
    this.#decide()
  }

  onData(chunk: Uint8Array): void {
    const { random, settings } = this.#session.services
    if (this.#seen.length === 0) {
      this.#session.setDeadline(jittered(settings.listen.handshakeTimeoutMs, random))
      this.#greet()
    }
    if (!this.#seen.add(chunk)) this.#session.moveTo(new DiscardStage(this.#session, 'overflow', this.#hasEnded))
    else if (this.#asking === undefined) this.#decide()
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasEnded = true
    if (this.#asking === undefined) this.#reject('client-ended')
  }

  onClose(): void {
    if (!this.#isKeptWaiting()) this.#session.hasFailed('halfOpen')
    this.#session.close('client-reset', 'failed', 'gone')
  }

  onDeadline(): void {
    // The client has said all it has to say.
    if (this.#asking !== undefined) this.#reject('vault-failed', this.#asking.sni)
    else this.#reject(this.#seen.length === 0 ? 'first-byte-timeout' : 'handshake-timeout')
  }

  leave(): void {
    this.#hasLeft = true
    this.#seen.release()
    this.#line?.cancel()
  }

  /** Not for those who used a secret well of late, nor for those who will not be masked. */
  #dialEarly(): void {
    const { network, settings, targets } = this.#session.services
    const { lease } = this.#session
    const isTurnedAway = lease.isExcess || (lease.refusal !== undefined && settings.guard.onRefuse !== 'mask')
    const target = lease.isKnown || isTurnedAway ? undefined : targets.targetFor(undefined)
    if (target === undefined) return
    this.#line = new MaskLine(network, target, () => this.#session.guard(() => this.#siteHasEnded()))
  }

  /** It would have sent a visitor away who said no more than this. */
  #siteHasEnded(): void {
    if (this.#asking === undefined) this.#reject(this.#seen.length === 0 ? 'first-byte-timeout' : 'handshake-timeout')
  }

  #decide(): void {
    const seen = this.#seen.bytes
    const read = readClientHello(seen)
    if (read.state === 'hello') this.#tryHello(read.hello, read.consumed)
    else if (read.state === 'bad') this.#reject('bad-hello')
    else if (read.state === 'not-tls') this.#tryInit(seen)
    else if (seen.length > SEEN_MAX_BYTES) this.#reject('bad-hello')
  }

  #tryHello(hello: ClientHello, consumed: number): void {
    const { secrets, trials, vault, wheel } = this.#session.services
    const all = secrets.forHello(hello.sni)
    if (all.length === 0) {
      this.#reject('sni-mismatch', hello.sni)
      return
    }
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      this.#reject(refusal, hello.sni)
      return
    }
    const ip = this.#session.clientAddress.ip
    const taken = trials.take(ip, hello.sni === undefined ? [] : all, all, wheel.now, this.#isGrey())
    const { candidates } = taken
    this.#ask(hello.sni)
    vault.match({ kind: 'client-hello', record: hello.record, random: hello.random }, candidates, (match, spent) => {
      this.#answered(() => {
        trials.settle(ip, taken, spent, idOf(match), wheel.now)
        if (match === 'failed') this.#reject('vault-failed', hello.sni, spent)
        else if (match?.kind === 'client-hello') this.#judgeHello(hello, consumed, match, spent)
        else this.#reject(candidates.length < all.length ? 'trial-budget' : 'bad-digest', hello.sni, spent)
      })
    })
    this.#pauseWhileAsking()
  }

  #judgeHello(hello: ClientHello, consumed: number, match: ClientHelloMatch, spent: number): void {
    const { id, stamp } = match
    const { clock, replay, secrets, settings } = this.#session.services
    const wall = clock.wall()
    const unfit = secrets.refusal(id, 'fake-tls', wall)
    if (unfit !== undefined) {
      this.#reject(unfit, hello.sni, spent)
      return
    }
    if (this.#levelFor(id) === 'none') {
      this.#reject('access', hello.sni, spent)
      return
    }
    const isStamped = !isBootStamp(stamp)
    if (isStamped && Math.abs(wall - stamp) > settings.mask.skewSec) {
      this.#reject('skew', hello.sni, spent)
      return
    }
    const excess = this.#session.enterAs(id)
    if (excess !== undefined) {
      this.#reject(excess, hello.sni, spent)
      return
    }
    const identity = hello.random.subarray(0, MAC_LENGTH)
    const verdict = isStamped ? replay.admitStamped(identity, stamp) : replay.admitUnstamped(identity)
    if (verdict === 'fresh') this.#answer(hello, consumed, match)
    else this.#reject(verdict === 'full' ? 'replay-full' : 'replay', hello.sni, spent)
  }

  #answer(hello: ClientHello, consumed: number, key: KeyRef): void {
    const { id } = key
    if (this.#isBanned()) {
      this.#reject('banned', hello.sni)
      return
    }
    const { flights, random, secrets, shares, vault } = this.#session.services
    const shape = flights.shapeFor(secrets.get(id)?.domain ?? '')
    const answer = makeAnswer({ hello, share: shares.next(), shape, random })
    this.#ask(hello.sni)
    vault.sign(key, [hello.random, answer], (mac) => {
      this.#answered(() => {
        if (mac === undefined || this.#isBanned()) {
          this.#reject(mac === undefined ? 'vault-failed' : 'banned', hello.sni)
          return
        }
        answer.set(mac, ANSWER_RANDOM_AT)
        this.#admit(id, 'fake-tls')
        const init = new InitStage(this.#session, id)
        const isKept = init.adopt(answer, this.#seen.bytes.subarray(consumed))
        this.#session.moveTo(init)
        if (isKept) init.start(this.#hasEnded)
        else this.#session.moveTo(new DiscardStage(this.#session, 'overflow', this.#hasEnded))
      })
    })
    this.#pauseWhileAsking()
  }

  #tryInit(seen: Uint8Array): void {
    const { secrets, trials, vault, wheel } = this.#session.services
    const all = secrets.forInit()
    if (all.length === 0 || isRequest(seen)) {
      this.#reject('not-a-client')
      return
    }
    if (seen.length < INIT_LENGTH) {
      // A site answers such a stranger at once: whoever waited for more would be known by it.
      if (isOtherProtocol(seen)) this.#reject('not-a-client')
      return
    }
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      this.#reject(refusal)
      return
    }
    const ip = this.#session.clientAddress.ip
    const taken = trials.take(ip, [], all, wheel.now, this.#isGrey())
    const { candidates } = taken
    const wire = seen.slice(0, INIT_LENGTH)
    this.#ask()
    vault.match({ kind: 'init', wire }, candidates, (match, spent) => {
      this.#answered(() => {
        trials.settle(ip, taken, spent, idOf(match), wheel.now)
        if (match === 'failed') this.#reject('vault-failed', undefined, spent)
        else if (match?.kind === 'init') this.#judgeInit(match, wire, spent)
        else this.#reject(candidates.length < all.length ? 'trial-budget' : 'not-a-client', undefined, spent)
      })
    })
    this.#pauseWhileAsking()
  }

  #judgeInit(match: Match & { kind: 'init' }, wire: Uint8Array, spent: number): void {
    const { clock, replay, secrets, emit } = this.#session.services
    const init = readInit(match.plain)
    const mode: Mode = init?.framing === 'padded' ? 'padded' : 'plain'
    const unfit = init === undefined ? 'mode-not-allowed' : secrets.refusal(match.id, mode, clock.wall())
    if (init === undefined || unfit !== undefined) {
      this.#reject(unfit ?? 'mode-not-allowed', undefined, spent)
      return
    }
    const excess = this.#levelFor(match.id) === 'none' ? 'access' : this.#session.enterAs(match.id)
    if (excess !== undefined) {
      this.#reject(excess, undefined, spent)
      return
    }
    if (replay.admitUnstamped(wire.subarray(INIT_IDENTITY.from, INIT_IDENTITY.to)) !== 'fresh') {
      this.#reject('replay', undefined, spent)
      return
    }
    if (this.#isBanned()) {
      this.#reject('banned', undefined, spent)
      return
    }
    const session = this.#session
    this.#admit(match.id, mode)
    session.dc = init.dc
    emit({ kind: 'authenticated', connection: session.id, mode, secret: match.id, dc: init.dc })
    const opening = new OpeningStage(session, { ...init, match, hasClientEnded: this.#hasEnded })
    if (opening.adopt(this.#seen.bytes.subarray(INIT_LENGTH))) session.moveTo(opening)
    else session.refuse('overflow')
  }

  #greet(): void {
    const { guard, clock, emit } = this.#session.services
    const { id, lease, level, clientAddress } = this.#session
    const refusal = guard.greet(lease, level, clock.mono())
    emit({ kind: 'greeted', connection: id, refusal })
    if (refusal !== undefined && lease.refusal === undefined)
      emit({ kind: 'would-refuse', client: clientAddress, reason: refusal })
  }

  /** Decided when the connection came, and told only now: whoever is refused looks like any stranger. */
  #refusal(): RejectReason | undefined {
    const { lease, level } = this.#session
    return lease.refusal ?? (level === 'none' ? 'access' : undefined)
  }

  /** Its source may have been banned while the vault was at work (I4). */
  #isBanned(): boolean {
    const { clientAddress, lease, services } = this.#session
    return services.guard.isBanned(clientAddress.ip, lease, services.clock.mono())
  }

  /** What this address may do with that secret. */
  #levelFor(id: SecretId): AccessLevel {
    return lower(this.#session.level, this.#session.services.secrets.get(id)?.access ?? 'none')
  }

  /** The client knows the secret, and nothing speaks against it. */
  #admit(id: SecretId, mode: Mode): void {
    const session = this.#session
    const { guard, clock, secrets } = session.services
    guard.authenticated(session.clientAddress.ip, session.lease, clock.mono())
    session.level = this.#levelFor(id)
    session.secret = id
    session.user = secrets.get(id)?.name
    session.mode = mode
    session.refreshFlow()
  }

  #ask(sni?: string): void {
    this.#asking = { sni, sinceMs: this.#session.services.clock.mono() }
  }

  /** A vault that answers later stops the client, so that what it may send meanwhile stays with the kernel. */
  #pauseWhileAsking(): void {
    if (this.#asking !== undefined && !this.#hasLeft) this.#session.client.pause()
  }

  /** So long that whoever leaves is not to blame. */
  #isKeptWaiting(): boolean {
    return this.#asking !== undefined && this.#session.services.clock.mono() - this.#asking.sinceMs >= PATIENCE_MS
  }

  /** The vault may answer before or after `match` returns, and even after this stage is over. */
  #answered(then: () => void): void {
    if (this.#hasLeft) return
    this.#session.guard(() => {
      this.#asking = undefined
      then()
    })
  }

  #isGrey(): boolean {
    return this.#session.services.guard.isGrey(this.#session.lease)
  }

  #reject(reason: RejectReason, sni?: string, trials = 0): void {
    const seen = this.#seen
    this.#seen = new Accumulator(this.#session.services.pool, this.#session)
    const line = this.#line
    this.#line = undefined
    const hello = { ...(sni === undefined ? {} : { sni }), trials, hasEnded: this.#hasEnded }
    this.#session.reject(reason, seen, hello, line)
  }
}

interface Asking {
  /** The host that was named. */
  readonly sni: string | undefined
  /** Monotonic ms. */
  readonly sinceMs: number
}

type ClientHelloMatch = Match & { readonly kind: 'client-hello' }

function idOf(match: Match | VaultFailure | undefined): SecretId | undefined {
  return match === undefined || match === 'failed' ? undefined : match.id
}
