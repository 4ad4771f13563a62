import type { UserReading } from '../../src/core/guard/users/index.ts'
import type { MakeChecker } from './index.ts'
import { keyOf, Ledger } from './ledger.ts'

const DAY_SEC = 86_400
const MONDAY_TO_EPOCH_DAYS = 3
/** Older than this, and what was used is on the disk. */
const DURABLE_MS = 3_000
/** What the store needs to tell of it at a start, and a little more. */
const RESTORED_MS = 200

/** From a moment on, within one period of one process. */
interface Epoch {
  readonly period: number
  readonly usedBefore: number
  /** Of everybody. */
  readonly relayedBefore: number
  /** Of whole parts that have come to a DC. */
  partBytes: number
}

interface Sample {
  readonly atMs: number
  readonly used: Map<string, { readonly period: number; readonly bytes: number }>
}

/**
 * I14, of quotas: never negative nor beyond the limit; what reaches a DC is counted, and nothing twice; a crash takes nothing back, a
 * loss of power no more than the last seconds.
 */
export const checkQuotas: MakeChecker = (scene, fail) => {
  const ledger = new Ledger()
  const talks = new Map<string, number>()
  const users = new Map<number, string>()
  /** Talks with bytes on their way that were counted before a crash or in another period, whoever says them again. */
  const past = new Set<number>()
  const epochs = new Map<string, Epoch>()
  /** Until then what the disk knows may not have been read. */
  let restoredMs = 0
  /** Readings of a while ago, and of longer ago: each with the moment. */
  let [newer, older] = [sample(), sample()]
  let least: Sample['used'] | undefined
  /** Of everybody at the last look, and the day it was: nothing is used without a byte that is relayed. */
  let [looked, day] = [-1, -1]
  const hasQuotas = scene.options.settings.secrets.some(({ limits }) => limits?.quota !== undefined)

  function readings(): (UserReading & { readonly quota: NonNullable<UserReading['quota']> })[] {
    return [...scene.quotas()].flatMap((user) => (user.quota === undefined ? [] : [{ ...user, quota: user.quota }]))
  }
  function sample(): Sample {
    return { atMs: scene.world.now, used: new Map() }
  }
  function leaveBehind(user?: string): void {
    for (const [talk, name] of users)
      if (user === undefined || user === name) {
        past.add(talk)
        users.delete(talk)
      }
  }
  function take(): Sample {
    const now = sample()
    for (const { name, quota } of readings())
      now.used.set(name, { period: periodOf(quota.period), bytes: quota.usedBytes })
    return now
  }
  function periodOf(period: string): number {
    const day = Math.floor(scene.world.clock.wall() / DAY_SEC)
    return period === 'day' ? day : Math.floor((day + MONDAY_TO_EPOCH_DAYS) / 7)
  }
  function isDue(): boolean {
    const now = { bytes: relayed(), day: Math.floor(scene.world.clock.wall() / DAY_SEC) }
    if (now.bytes === looked && now.day === day && scene.world.now - newer.atMs < DURABLE_MS) return false
    looked = now.bytes
    day = now.day
    return true
  }
  function relayed(): number {
    return scene.relayedBytes
  }

  return {
    onEvent(event) {
      const address = ledger.take(event)
      if (event.kind !== 'entered' || address === undefined) return
      const talk = talks.get(address)
      const name = scene.settings.secrets.find(({ id }) => id === event.secret)?.name
      if (talk !== undefined && name !== undefined && !past.has(talk)) users.set(talk, name)
    },
    onSeen(seen) {
      if (seen.kind === 'speaks') talks.set(keyOf(seen.address), seen.talk)
      if (seen.kind !== 'part-at-dc') return
      const epoch = epochs.get(users.get(seen.part.talk) ?? '')
      if (epoch === undefined) return
      epoch.partBytes += seen.part.bytes
      looked = -1
    },
    onStep() {
      if (!hasQuotas || scene.world.now < restoredMs || !isDue()) return
      for (const { name, quota } of readings()) {
        const { usedBytes, bytes } = quota
        if (!(usedBytes >= 0 && usedBytes <= bytes)) fail(`${name} has used ${usedBytes} of ${bytes} bytes`)
        const period = periodOf(quota.period)
        let epoch = epochs.get(name)
        if (epoch?.period !== period) {
          epoch = { period, usedBefore: usedBytes, relayedBefore: relayed(), partBytes: 0 }
          epochs.set(name, epoch)
          leaveBehind(name)
        }
        const used = usedBytes - epoch.usedBefore
        const most = relayed() - epoch.relayedBefore
        if (used > most) fail(`${used} bytes count against the quota of ${name}, and ${most} were relayed`)
        if (used < epoch.partBytes) fail(`${name} has used ${used} bytes, and ${epoch.partBytes} have reached DCs`)
      }
      if (least !== undefined) {
        const now = take()
        for (const [name, { period, bytes }] of least) {
          const found = now.used.get(name)
          if (found !== undefined && found.period === period && found.bytes < bytes)
            fail(`a crash took ${name} back from ${bytes} to ${found.bytes} bytes`)
        }
        least = undefined
      }
      if (scene.world.now - newer.atMs >= DURABLE_MS) [older, newer] = [newer, take()]
    },
    onCrash(how) {
      // What the store did not take is not on the disk, and nobody vouches for a disk that loses what it had.
      const hasLost = scene.reached.has('fault store-failures') || scene.reached.has('fault torn-writes')
      const isExcused = how === 'power-cut' && hasLost
      if (!isExcused) least = how === 'kill' ? take().used : older.used
      // Behind a kill too: a read that failed at the start before may succeed at this one, and the larger counts.
      restoredMs = scene.world.now + RESTORED_MS
      ledger.crashed()
      leaveBehind()
      epochs.clear()
      looked = -1
    },
  }
}
