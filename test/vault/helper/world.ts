import type { SecretId } from '../../../src/core/ports.ts'
import type { Trouble } from '../../../src/vault/helper/answers.ts'
import { HelperVault, type Link, type LinkEvents } from '../../../src/vault/helper/client.ts'
import { HelperDesks } from '../../../src/vault/helper/desks.ts'
import { MemoryVault } from '../../../src/vault/memory.ts'

export const TIMEOUT_MS = 2000

/** Secrets by label, in software; what the helper has its token for. */
export class LabelledMemory extends MemoryVault {
  readonly keys = new Map<string, Uint8Array>()
  /** By the vault's ids. */
  readonly inUse = new Map<SecretId, string>()
  isReachable = true

  override put(id: SecretId, label: string | Uint8Array): void {
    if (typeof label !== 'string') throw new Error('labels alone')
    const key = this.keys.get(label)
    if (key !== undefined) super.put(id, key)
    this.inUse.set(id, label)
  }

  override remove(id: SecretId): void {
    this.inUse.delete(id)
    super.remove(id)
  }
}

/** One attempt of the vault to reach the helper, and what goes both ways on it, which waits to be delivered. */
export class Wire implements Link {
  readonly events: LinkEvents
  readonly desk: ReturnType<HelperDesks['open']>
  readonly toDesk: Uint8Array[] = []
  readonly toVault: Uint8Array[] = []
  waitingBytes = 0
  isOpen = false
  isClosed = false

  constructor(events: LinkEvents, desks: HelperDesks) {
    this.events = events
    this.desk = desks.open((frame) => this.toVault.push(frame))
  }

  write(bytes: Uint8Array): void {
    this.toDesk.push(bytes)
  }
  close(): void {
    this.isClosed = true
    this.desk.close()
  }

  open(): void {
    if (this.isClosed || this.isOpen) return
    this.isOpen = true
    this.events.onOpen()
  }
  /** The helper hears what was said, and answers; its answers wait. */
  serve(): void {
    for (const bytes of this.toDesk.splice(0)) if (!this.desk.heard(bytes)) this.drop()
  }
  /** The vault hears the answers, cut into chunks of that length. */
  deliver(chunk = Infinity): void {
    const bytes = Buffer.concat(this.toVault.splice(0))
    for (let at = 0; at < bytes.length && !this.isClosed; at += chunk) this.say(bytes.subarray(at, at + chunk))
  }
  say(bytes: Uint8Array): void {
    if (!this.isClosed) this.events.onBytes(bytes)
  }
  drop(): void {
    if (this.isClosed) return
    this.desk.close()
    this.events.onClose()
  }
}

/** A vault, a helper and a clock; nothing moves by itself. */
export class World {
  now = 1000
  readonly far = new LabelledMemory()
  readonly desks = new HelperDesks({
    ...{ vault: this.far, now: () => this.now },
    random: (count) => (this.far.isReachable ? new Uint8Array(count).fill(4) : undefined),
  })
  readonly wires: Wire[] = []
  readonly vault = new HelperVault({
    dial: (events) => {
      const wire = new Wire(events, this.desks)
      this.wires.push(wire)
      return wire
    },
    now: () => this.now,
    timeoutMs: TIMEOUT_MS,
    onTrouble: (trouble) => this.troubles.push(trouble),
  })
  readonly troubles: Trouble[] = []

  get wire(): Wire {
    return this.wires[this.wires.length - 1]
  }
  after(ms: number): void {
    this.now += ms
    this.vault.tick()
  }
  /** Both ways, at once. */
  exchange(chunk?: number): void {
    this.wire.serve()
    this.wire.deliver(chunk)
  }
}
