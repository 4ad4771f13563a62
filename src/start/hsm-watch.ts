import type { Emit } from '../core/events.ts'
import type { Vault } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { VaultMetrics, VaultReadings } from '../observe/vault-metrics.ts'
import { GaugedVault } from '../vault/gauge.ts'
import type { Trouble } from '../vault/helper/answers.ts'
import type { HsmEvents } from '../vault/hsm.ts'

export interface HsmWatchOptions {
  readonly log: Log
  /** Monotonic ms. */
  readonly now: () => number
  /** Is told when the HSM goes, and comes back. */
  readonly emit: Emit
  /** Registers the metrics of an HSM; absent in a process that relays nothing. */
  readonly measure?: (read: () => VaultReadings) => VaultMetrics
}

/** Tells of an HSM and its use: by lines, by events and by metrics. */
export class HsmWatch {
  readonly #options: HsmWatchOptions
  #metrics: VaultMetrics | undefined
  #wasReachable = true
  /** Where questions wait out an outage, if anywhere. */
  waiting: { readonly size: number } | undefined

  constructor(options: HsmWatchOptions) {
    this.#options = options
  }

  get events(): HsmEvents {
    const { log, emit } = this.#options
    const tell = (state: 'gone' | 'back' | 'pin-refused', why = '') => emit({ kind: 'vault', state, why })
    return {
      onError: ({ call, code }) => {
        this.#metrics?.failed(code)
        log.write('warn', 'hsm.error', 'The HSM failed at a call', { call, code })
      },
      onGone: (why) => tell('gone', why),
      onBack: () => tell('back'),
      onPinRefused: () => tell('pin-refused'),
      onMissing: (label, fault) =>
        log.write('error', 'hsm.missing', 'A secret of the configuration is not in the HSM', { label, why: fault }),
    }
  }

  /** Of a vault whose HSM is another process's, which tells its own log why: whether it answers, told when that changes. */
  look({ isReachable }: { readonly isReachable: boolean }): void {
    if (isReachable === this.#wasReachable) return
    this.#wasReachable = isReachable
    const why = isReachable ? '' : 'the vault helper or its HSM does not answer'
    this.#options.emit({ kind: 'vault', state: isReachable ? 'back' : 'gone', why })
  }

  /** Of a vault whose HSM is another process's: what that tells us of, to be counted and not to be logged again. */
  heard(trouble: Trouble): void {
    if (trouble.kind === 'error') this.#metrics?.failed(trouble.code)
    else this.events.onPinRefused()
  }

  /** The same vault, measured. */
  measured(hsm: Vault & { readonly isReachable: boolean }): Vault {
    const { measure, now } = this.#options
    if (measure === undefined) return hsm
    const meter = measure(() => ({
      isUp: hsm.isReachable,
      asked: gauged.asked,
      waiting: this.waiting?.size ?? 0,
    }))
    const gauged = new GaugedVault({ vault: hsm, meter, now })
    this.#metrics = meter
    return gauged
  }
}
