/**
 * What the core asks of the world. `src/runtime` supplies these with the operating system, `sim/world` with a seed.
 * Every port answers by callback or at once, never by promise, so that a run in the simulator has one order of events.
 */

/** Two clocks: deadlines use the first, only what the wire says uses the second (style.md, "Time"). */
export interface Clock {
  /** Monotonic milliseconds since some fixed moment. */
  mono(): number
  /** Wall clock, whole seconds since 1970. It may step in either direction. */
  wall(): number
}

export interface Random {
  /** Fills `target` with unpredictable bytes and returns it. */
  fill<T extends Uint8Array>(target: T): T
  /** A whole number in 0..limit-1; `limit` is in 1..2^31. */
  below(limit: number): number
}

/** `ip` is IPv4 dotted or IPv6 in canonical text without brackets; IPv4-mapped IPv6 is written as IPv4. Port 0..65535. */
export interface Address {
  readonly ip: string
  readonly port: number
}

/** `end`: both directions ended in order. `reset`: the peer reset, vanished, or the kernel reported an error. */
export type CloseKind = 'end' | 'reset'

/** What a connection tells its current owner. No call happens while another call of the same connection is running. */
export interface Handler {
  /** Bytes arrived. `chunk` is the handler's until the call returns, to overwrite as well; copy what must live longer. */
  onData(chunk: Uint8Array): void
  /** After a `write` that took less than all: there is room again. */
  onDrain(): void
  /** The peer ended its direction (FIN), after its last byte. Writing goes on. At most once, never while paused. */
  onEnd(): void
  /** The connection is gone by no call of ours. At most once, and nothing comes after it. Not called after our `close` or `reset`. */
  onClose(kind: CloseKind): void
}

export interface Connection {
  /** Who is told. A stage hands over by assigning the next one; the change holds from the next call on. */
  handler: Handler
  readonly remote: Address
  readonly local: Address
  /**
   * Hands bytes to the kernel and returns how many it took, 0..length. The caller keeps the rest and goes on in `onDrain`.
   * The bytes may be overwritten as soon as the call returns. After `end`, `close`, `reset` or `onClose` it takes 0 and does nothing.
   */
  write(bytes: Uint8Array): number
  /** Ends our direction (FIN) behind what `write` took. Reading goes on. */
  end(): void
  /** Stops reading: no `onData` and no `onEnd` until `resume`, not even for bytes the runtime already holds. */
  pause(): void
  resume(): void
  /** Gives the socket back, in order (FIN) where nothing unread waits. No event follows. What `write` took is still sent. */
  close(): void
  /** Gives the socket back with RST. No event follows. */
  reset(): void
}

export type DialFailure = 'refused' | 'unreachable' | 'timeout' | 'descriptors' | 'error'

export interface Dialing {
  /** Called once, or `onFail` is; never before `dial` has returned. Returns the handler of the new connection. */
  onOpen(connection: Connection): Handler
  onFail(why: DialFailure): void
}

export interface Cancellable {
  /** Nothing is called after this; what was under way is given back. Harmless when it already ended. */
  cancel(): void
}

export interface Network {
  /** The largest chunk `onData` ever gets, in bytes: what one read of this runtime can bring. */
  readonly readMaxBytes: number
  /** Connects to `address`. The time limit is the caller's: `cancel` ends the attempt. */
  dial(address: Address, dialing: Dialing): Cancellable
  /** Addresses of this machine's own interfaces: the mask must not lead back to ourselves. */
  ownAddresses(): readonly string[]
}

export type NameAnswer =
  /** At least one, in canonical text and in the order to try them. They hold for `ttlSec`, 0 or more. */
  | { readonly kind: 'addresses'; readonly ips: readonly string[]; readonly ttlSec: number }
  /** The resolver says that there is no such name, or that it has no address. */
  | { readonly kind: 'no-address' }
  /** Nobody could say. `why` is a line for a log. */
  | { readonly kind: 'failed'; readonly why: string }

/** Asks for host names. Only `NameCache` uses it: everybody else asks there. */
export interface Resolver {
  /** `host` is a name, no literal. Answers exactly once, never at once, within a time limit of its own. */
  query(host: string, reply: (answer: NameAnswer) => void): void
}

/** Names one secret for as long as it is configured; never used again within a process. */
export type SecretId = number

/** AES-256-CTR: 32-byte key, 16-byte counter block. */
export interface CipherKey {
  readonly key: Uint8Array
  readonly iv: Uint8Array
}

/** What a stranger said, for the vault to try secrets on. */
export type Hello =
  /** A fake-TLS ClientHello: the record with its header and its random zeroed, and the 32 bytes that stood there. */
  | { readonly kind: 'client-hello'; readonly record: Uint8Array; readonly random: Uint8Array }
  /** The 64 bytes of an obfuscated2 init as they came. */
  | { readonly kind: 'init'; readonly wire: Uint8Array }

/** The very key that fitted: while a secret is rotated it has an old one and a new one. */
export interface KeyRef {
  readonly id: SecretId
  /** 0..65,535; means something to the vault alone. */
  readonly generation: number
}

export type Match =
  /** `stamp` is the client's unix time (or seconds since its boot), 0..2^32-1. */
  | ({ readonly kind: 'client-hello'; readonly stamp: number } & KeyRef)
  /** Keys of both directions, and the init decrypted (64 bytes; tag at 56, DC at 60). */
  | {
      readonly kind: 'init'
      readonly id: SecretId
      readonly fromClient: CipherKey
      readonly toClient: CipherKey
      readonly plain: Uint8Array
    }

/** The vault cannot say: the place where secrets lie does not answer. Whoever spoke is neither client nor stranger. */
export type VaultFailure = 'failed'

/** Holds the secrets. A session never sees one: it asks and is told, now or later, exactly once. */
export interface Vault {
  /**
   * Tries the candidates in order; answers the first that fits, and how many were tried. Unknown ids are passed over. `failed`
   * where none fits and some could not be tried.
   */
  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void
  /** HMAC-SHA256 under the key over the parts joined; undefined when the key is gone or the vault fails. */
  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void
}

/**
 * Small durable values. Keys are ASCII; values at most 1 MiB. Every call answers exactly once, never at once, and in no
 * promised order: wait for one answer before a call that depends on it.
 */
export interface Store {
  get(key: string, reply: (value: Uint8Array | undefined) => void): void
  /** `reply(true)` once the value survives a crash. */
  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void
  delete(key: string, reply?: (isDurable: boolean) => void): void
}

export interface SharedRegion {
  /** Mapped by every process that opens the same name: use Atomics. 8-byte aligned. */
  readonly bytes: Uint8Array
  /** `new`: zeros. `kept`: as the last process left it. `stale`: the machine went down meanwhile, so writes may be lost. */
  readonly origin: 'new' | 'kept' | 'stale'
}

/** Memory shared by worker processes and kept over restarts (a mapped file; a plain buffer in the simulator). */
export interface SharedMemory {
  /** `name` is a file name; a region of another size under that name is replaced by a new one. */
  open(name: string, byteLength: number): SharedRegion
}

/** Which of the processes that map the same memory this one is. */
export interface WorkerPlace {
  /** Its number, 0..columns-1; no two that live at a time have the same. */
  readonly column: number
  /** How many there can be at a time, those included that are about to end. */
  readonly columns: number
  /** Simulator: called between steps on the memory at which it matters who is first, so that others run there. */
  readonly onStep?: () => void
}

/** One process alone. */
export const ALONE: WorkerPlace = { column: 0, columns: 1 }

/** How much of what a process can run out of is in use now. */
export interface GaugeReadings {
  /** Worst lateness of the event loop since the last reading. */
  readonly loopLagMs: number
  /** Resident memory of the process. */
  readonly memoryBytes: number
  /** Of descriptors that newcomers may have, and of the buffer pool: 0 none in use, 1 nothing left. */
  readonly descriptors: number
  readonly buffers: number
}

export interface Gauges {
  /** The most sockets that this process may hold. */
  readonly socketsMax: number
  /** Called some four times a second, by one reader. */
  read(): GaugeReadings
}

/** Small files from elsewhere: what Telegram publishes for its proxies, lists. */
export interface Fetcher {
  /**
   * Reads `source`, an https URL or a file's path, up to `maxBytes`. Answers exactly once, never at once, within a time limit of
   * its own; `why` is a word for a log.
   */
  fetch(
    source: string,
    maxBytes: number,
    reply: (result: { readonly bytes: Uint8Array } | { readonly why: string }) => void,
  ): void
}

/** How a machine looks from outside. */
export interface SeenAddress {
  /** Of the interface that the question left by. */
  readonly local: string
  /** Public; equal to `local` where no NAT lies between, and then nobody was asked. */
  readonly ip: string
  /** False: the NAT gave that question another port. It may do so with every connection. */
  readonly isPortKept: boolean
}

/** Finds out our public address, as STUN servers tell it (RFC 8489). */
export interface PublicAddress {
  /**
   * Asks `server` (`host:port`) over that family; `from` is the local address to ask from, absent: as routing will have it. Answers
   * exactly once, never at once, within a time limit of its own; `why` is a word for a log.
   */
  find(
    question: { readonly server: string; readonly family: 4 | 6; readonly from?: string },
    reply: (seen: SeenAddress | { readonly why: string }) => void,
  ): void
}
