import { formatIp } from '../../src/core/address.ts'
import type { Address, Connection, Handler } from '../../src/core/ports.ts'
import type { SeededRandom } from '../world/random.ts'
import { PROXY, type Scene } from './scene.ts'

const EVERY_MS = 50
/** One in so many stays for a while. */
const STAYS = 500
const STAY_MAX_MS = 8_000
/** An odd number: no two of 2^32 counts give the same address. */
const STRIDE = 0x9e3779b1

/**
 * Sources that come once each and say nothing, by the million: straight to the proxy and not over the virtual network, so that so many
 * fit into a run. They come evenly until `until`, beside everything else.
 */
export function planStrangers(scene: Scene, count: number, until: number): void {
  const { world } = scene
  const random = world.random('strangers')
  const batches = Math.max(1, Math.floor((until - world.now) / EVERY_MS))
  for (let batch = 0; batch < batches; batch++) {
    const [from, to] = [batch, batch + 1].map((each) => Math.floor((count * each) / batches))
    world.after(batch * EVERY_MS, () => {
      for (let at = from; at < to; at++) come(scene, random, at)
    })
  }
}

function come(scene: Scene, random: SeededRandom, at: number): void {
  scene.reach('stranger')
  const { processes } = scene
  const running = processes.length > 1 ? random.pick(processes) : processes[0]
  if (running?.isAlive !== true) return
  const passing = new Passing(addressOf(at))
  passing.handler = running.accept(passing)
  if (!random.chance(1, STAYS)) passing.leave()
  // Its process may be gone by then, and with it whoever would be told.
  else scene.world.after(random.below(STAY_MAX_MS), () => running.isAlive && passing.leave())
}

/** Of the stranger with that number, below 2^24; every other one is an IPv6 /64 of its own. */
export function addressOf(at: number): Address {
  const word = Math.imul(at, STRIDE) >>> 0
  const bytes = Uint8Array.of(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255)
  if (at % 2 === 0) bytes[0] = 20 + (bytes[0] % 50)
  const ip = at % 2 === 0 ? bytes : Uint8Array.of(0x2a, 1, 0, 0, ...bytes, 0, 0, 0, 0, 0, 0, 0, 1)
  return { ip: formatIp(ip), port: 40_000 }
}

/** The proxy's end of a connection whose client leaves without a word. */
class Passing implements Connection {
  handler: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
  readonly local = PROXY
  readonly remote: Address
  #isGone = false

  constructor(remote: Address) {
    this.remote = remote
  }

  leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.handler.onClose('reset')
  }

  write(bytes: Uint8Array): number {
    return this.#isGone ? 0 : bytes.length
  }
  end(): void {}
  pause(): void {}
  resume(): void {}
  close(): void {
    this.#isGone = true
  }
  reset(): void {
    this.#isGone = true
  }
}
