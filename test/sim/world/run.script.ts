import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'
import type { Handler } from '../../../src/core/ports.ts'

/**
 * A run with everything that draws: choppy links, stalls, part writes, resets. Prints the seed's trace hash, for whoever
 * compares runtimes: `node run.script.ts SEED`.
 */
const world = new World(Number(process.argv[2]))
const network = new VirtualNetwork(world)
const random = world.random('plan')
network.plan = () => ({
  latencyMs: random.between(0, 30),
  windowBytes: random.between(500, 5000),
  segmentBytes: random.between(1, 3000),
  isChoppy: random.chance(1, 2),
  stallMs: random.between(0, 100),
  coalesceMs: random.between(0, 3),
  isStingy: random.chance(1, 2),
  ...(random.chance(1, 3) ? { resetAfterBytes: random.between(1, 9000) } : {}),
})
const quiet: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
network.host('10.0.0.1').listen(443, (connection) => ({
  ...quiet,
  onData: (chunk) => void connection.write(chunk),
  onEnd: () => connection.end(),
}))
const content = world.random('content')
for (let i = 0; i < 40; i++) {
  world.after(content.below(1000), () =>
    network.host('10.0.0.2').dial(
      { ip: '10.0.0.1', port: 443 },
      {
        onOpen(connection) {
          let left = content.between(1, 20_000)
          const pump = () => {
            while (left > 0) {
              const taken = connection.write(content.bytes(Math.min(left, 1000)))
              left -= taken
              if (taken === 0) return
            }
            connection.end()
          }
          pump()
          return { ...quiet, onDrain: pump }
        },
        onFail: (why) => world.trace(why),
      },
    ),
  )
}
world.runFor(600_000)
process.stdout.write(`${world.hash()} ${world.events}\n`)
