import { OVERLOAD_RESOURCES, type OverloadResource } from '../../src/core/events.ts'
import type { GaugeReadings, Gauges } from '../../src/core/ports.ts'
import type { Settings } from '../../src/core/settings.ts'

/** A machine with few sockets, which runs out of things when it is told to. */
export class VirtualGauges implements Gauges {
  readonly socketsMax = 24
  readonly #shares = new Map<OverloadResource, number>()
  readonly #settings: Pick<Settings, 'guard' | 'memory'>

  /** `settings` tell of how much lag or memory a share is. */
  constructor(settings: Pick<Settings, 'guard' | 'memory'>) {
    this.#settings = settings
  }

  /** 1: all of it is in use; of lag: as late as the second threshold says. */
  set(resource: OverloadResource, share: number): void {
    this.#shares.set(resource, share)
  }

  relax(): void {
    this.#shares.clear()
  }

  /** As its thresholds are configured: lag in milliseconds, all others as shares. */
  reading(resource: OverloadResource): number {
    const share = this.#shares.get(resource) ?? 0
    return resource === 'loop_lag' ? share * this.#settings.guard.overload.loop_lag.to : share
  }

  read(): GaugeReadings {
    const [loopLagMs, memory, descriptors, buffers] = OVERLOAD_RESOURCES.map((resource) => this.reading(resource))
    return { loopLagMs, memoryBytes: memory * this.#settings.memory.ceilingBytes, descriptors, buffers }
  }
}
