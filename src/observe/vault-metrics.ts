import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import {
  VAULT_OPERATIONS,
  VAULT_RESULTS,
  type VaultMeter,
  type VaultOperation,
  type VaultResult,
} from '../vault/gauge.ts'

/** How it stands with the place where secrets lie. */
export interface VaultReadings {
  readonly isUp: boolean
  /** Questions that it has not answered yet. */
  readonly asked: number
  /** Questions that wait out an outage. */
  readonly waiting: number
}

/** A software token takes microseconds, a device milliseconds, one over a network up to a second; what takes longer is trouble. */
const BUCKETS_SEC = [0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.002, 0.005, 0.02, 0.1, 0.5, 2]

/** Return values of PKCS#11 v2.40 that have a label of their own. What a module invents has none: labels stay a closed set. */
const CODES: ReadonlySet<string> = new Set(
  [
    ...['HOST_MEMORY', 'SLOT_ID_INVALID', 'GENERAL_ERROR', 'FUNCTION_FAILED', 'ARGUMENTS_BAD', 'FUNCTION_REJECTED'],
    ...['ATTRIBUTE_READ_ONLY', 'ATTRIBUTE_SENSITIVE', 'ATTRIBUTE_TYPE_INVALID', 'ATTRIBUTE_VALUE_INVALID'],
    ...['DATA_INVALID', 'DATA_LEN_RANGE', 'BUFFER_TOO_SMALL', 'RANDOM_NO_RNG', 'FUNCTION_NOT_SUPPORTED'],
    ...['DEVICE_ERROR', 'DEVICE_MEMORY', 'DEVICE_REMOVED', 'TOKEN_NOT_PRESENT', 'TOKEN_NOT_RECOGNIZED'],
    ...['KEY_HANDLE_INVALID', 'KEY_SIZE_RANGE', 'KEY_TYPE_INCONSISTENT', 'KEY_INDIGESTIBLE', 'OBJECT_HANDLE_INVALID'],
    ...['KEY_FUNCTION_NOT_PERMITTED', 'MECHANISM_INVALID', 'MECHANISM_PARAM_INVALID', 'TEMPLATE_INCONSISTENT'],
    ...['OPERATION_ACTIVE', 'OPERATION_NOT_INITIALIZED', 'SESSION_CLOSED', 'SESSION_COUNT', 'SESSION_HANDLE_INVALID'],
    ...['SESSION_READ_ONLY', 'PIN_INCORRECT', 'PIN_INVALID', 'PIN_LEN_RANGE', 'PIN_EXPIRED', 'PIN_LOCKED'],
    ...['USER_ALREADY_LOGGED_IN', 'USER_NOT_LOGGED_IN', 'USER_TYPE_INVALID', 'USER_PIN_NOT_INITIALIZED'],
    ...['CRYPTOKI_NOT_INITIALIZED', 'CRYPTOKI_ALREADY_INITIALIZED', 'MUTEX_BAD', 'CANCEL'],
  ].map((name) => `CKR_${name}`),
)

/** Metrics of an HSM, for a process that uses one. */
export class VaultMetrics implements VaultMeter {
  readonly #seconds: Histogram
  readonly #operations: Counter
  readonly #errors: Counter

  constructor(registry: Registry, read: () => VaultReadings) {
    const registers = [registry]
    this.#seconds = new Histogram({
      name: 'palisade_vault_operation_seconds',
      help: 'Time the HSM took for an answer, by operation',
      labelNames: ['operation'],
      buckets: BUCKETS_SEC,
      registers,
    })
    this.#operations = new Counter({
      name: 'palisade_vault_operations_total',
      help: 'Questions to the HSM, by operation and what came of it',
      labelNames: ['operation', 'result'],
      registers,
    })
    this.#errors = new Counter({
      name: 'palisade_vault_errors_total',
      help: 'Calls of the HSM that failed, by what it returned',
      labelNames: ['code'],
      registers,
    })
    for (const operation of VAULT_OPERATIONS)
      for (const result of VAULT_RESULTS)
        if (operation === 'match' || result !== 'none') this.#operations.inc({ operation, result }, 0)
    new Gauge({
      name: 'palisade_vault_up',
      help: '1 while the HSM is asked, 0 while it is given up; of several processes the worst',
      // One that cannot reach it is worth an alert.
      aggregator: 'min',
      registers,
      collect() {
        this.set(read().isUp ? 1 : 0)
      },
    })
    new Gauge({
      name: 'palisade_vault_waiting',
      help: 'Questions without an answer: under way to the HSM, or waiting for its return',
      labelNames: ['state'],
      registers,
      collect() {
        const { asked, waiting } = read()
        this.set({ state: 'asked' }, asked)
        this.set({ state: 'outage' }, waiting)
      },
    })
  }

  answered(operation: VaultOperation, result: VaultResult, tookMs: number): void {
    this.#seconds.observe({ operation }, tookMs / 1000)
    this.#operations.inc({ operation, result })
  }

  /** A call failed; `code` is what the module returned, or anything. */
  failed(code: string): void {
    this.#errors.inc({ code: CODES.has(code) ? code : 'other' })
  }
}
