import type { RejectReason } from '../../src/core/events.ts'
import { SLOW_MS } from '../scenarios/token-trouble.ts'
import { SILENCE_MS } from '../world/vault.ts'
import type { MakeChecker } from './index.ts'
import { keyOf } from './ledger.ts'
import { forgetOf } from './processes.ts'
import type { Question, VaultAnswer } from './watched-vault.ts'

/** What the vault's failure may look like, and what came of a source before it. */
const BLAMELESS: readonly RejectReason[] = ['vault-failed', 'banned']
/** The longest `handshake_timeout` of a run; behind it comes one more try, of three turns where secrets lie in two places. */
const WAIT_MAX_MS = 10_000
/** A tick, and what is under way between two processes. */
const SLACK_MS = 200
/** A token that works is got back within this: the longest pause between two attempts. */
const BACK_MS = 30_000 + 600
/** Wrong answers are found out within this, as soon as anybody is taken for a stranger by them. */
const GARBAGE_MS = 1_000

/**
 * I21: an outage of the vault kills no live relay, lets nobody in and is held against nobody; every question has one answer, in time;
 * and when it is over, newcomers come in again.
 */
export const checkVault: MakeChecker = (scene, fail) => {
  const open = new Set<Question>()
  const relaying = new Set<number>()
  /** What clients that are there said first, by their addresses. */
  const says = new Map<string, string>()
  /** Whether nobody else that is there said the same: a talk that roams comes again before its last attempt is over. */
  const isAlone = (name: string) => [...says.values()].filter((said) => said === name).length === 1
  /** What is acted upon at this moment. */
  let answer: VaultAnswer | undefined
  /** Processes whose token is gone, and since when. */
  const goneAt = new Map<number, number>()
  const told = new Set<number>()
  const isSlow = scene.options.faults.has('slow-vault')
  const latency = () => scene.options.vault.answerMs + (isSlow ? SLOW_MS : 0) + SLACK_MS + scene.stalledMs
  return {
    onAsk: (question) => void open.add(question),
    onAnswer(question, given) {
      answer = given
      const { now } = scene.world
      if (!open.delete(question)) fail(`a question was answered twice, ${given} the second time`)
      if (given === 'failed' || given === (question.truth ?? 'none')) return
      const { garbageSince } = scene.trouble
      const isExcused = given === 'none' && garbageSince !== undefined && now <= garbageSince + GARBAGE_MS + latency()
      if (!isExcused) fail(`the vault said ${given} of secret ${question.truth ?? 'of nobody'}`)
    },
    onAct: () => (answer = undefined),
    onSeen(seen) {
      if (seen.kind === 'speaks') says.set(keyOf(seen.address), seen.identity.name)
    },
    onEvent(event, pid) {
      const { now } = scene.world
      if (event.kind === 'vault') {
        if (event.state === 'gone') goneAt.set(pid, now)
        else goneAt.delete(pid)
        told.delete(pid)
      } else if (event.kind === 'relaying') relaying.add(event.connection)
      else if (event.kind === 'closed') {
        says.delete(keyOf(event.client))
        if (relaying.delete(event.connection) && (event.reason === 'killed' || event.reason === 'vault-failed'))
          fail(`a live relay ended as ${event.reason}`)
      } else if (event.kind === 'rejected') {
        if (answer === 'failed' && !BLAMELESS.includes(event.reason))
          fail(`${event.client.ip} was refused as ${event.reason}, because the vault failed`)
        const name = says.get(keyOf(event.client))
        const waits = event.reason === 'handshake-timeout' && [...open].some(({ identity }) => identity === name)
        if (name !== undefined && waits && isAlone(name))
          fail(`${event.client.ip} was blamed for the time that the vault took`)
      } else if (event.kind === 'entered' || event.kind === 'authenticated') {
        if (answer === 'failed') fail('somebody was let in because the vault failed')
        const isGone = now > (goneAt.get(pid) ?? Infinity) + latency()
        if (isGone && scene.isInToken(event.secret)) fail('somebody was let in by a vault that is gone')
      } else if (event.kind === 'banned' && answer === 'failed')
        fail(`${event.prefix} was banned because the vault failed`)
    },
    onStep() {
      const { now } = scene.world
      for (const question of open) {
        if (now <= question.askedAt + WAIT_MAX_MS + 3 * SILENCE_MS + latency()) break
        open.delete(question)
        fail('a question was not answered in time')
      }
      const { wellSince } = scene.trouble
      if (wellSince === undefined) return
      for (const [pid, since] of goneAt) {
        if (told.has(pid) || now <= Math.max(wellSince, since) + BACK_MS + latency()) continue
        told.add(pid)
        fail('the token has worked for long, and is not used')
      }
    },
    onBuried(pid) {
      for (const question of open) if (question.pid === pid) open.delete(question)
      forgetOf(pid, relaying)
      goneAt.delete(pid)
    },
    onCrash() {
      open.clear()
      says.clear()
      relaying.clear()
      goneAt.clear()
      answer = undefined
    },
  }
}
