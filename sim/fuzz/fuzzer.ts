import { SeededRandom } from '../world/random.ts'
import { Coverage } from './coverage.ts'
import { Draft } from './draft.ts'
import { havoc, systematic, systematicCount, type Material } from './mutate.ts'
import { Queue, type Entry } from './queue.ts'
import { shrink } from './shrink.ts'
import type { Target } from './target.ts'

/** Something that must not be. */
export interface Finding {
  /** The first line of what was thrown. */
  readonly what: string
  readonly stack: string
  /** As small as could be made. */
  readonly input: Uint8Array
}

export interface FuzzerOptions {
  readonly target: Target
  readonly seed: number
  /** One for each branch of the code under test. */
  readonly counters: Uint32Array
  /** Texts and numbers of the code under test. */
  readonly literals: Iterable<string | number>
  /** Inputs that were kept from earlier. */
  readonly kept: readonly Uint8Array[]
  /** Called with each input before it runs. */
  readonly onInput?: (input: Uint8Array) => void
}

const ROUND = 128
/** Of a round, changes that are made in order and not drawn. */
const WALK = 32
/** Longer inputs are only changed at random. */
const WALK_BYTES_MAX = 2048
/** Of one kind there is one; with so many kinds the parser is no parser. */
const FINDINGS_MAX = 8
const WORK = { perByte: 200, fixed: 20_000 }
/** Random bytes to begin with, beside the seeds: short and long. */
const RANDOM_LENGTHS = [0, 1, 16, 128]

/** Fuzzes one target: keeps what takes new branches, and changes it. The same seed and inputs find the same. */
export class Fuzzer {
  readonly findings: Finding[] = []
  readonly queue = new Queue()
  readonly coverage: Coverage
  executions = 0
  readonly #options: FuzzerOptions
  readonly #random: SeededRandom
  readonly #draft: Draft
  readonly #material: Material
  readonly #kinds = new Set<string>()

  constructor(options: FuzzerOptions) {
    this.#options = options
    const { target, counters, literals, kept } = options
    this.#random = new SeededRandom(options.seed, 'fuzz')
    this.#draft = new Draft(target.bytesMax)
    this.coverage = new Coverage(counters)
    this.#material = {
      tokens: tokensOf([...(target.tokens ?? []), ...literals]),
      other: () => this.#random.pick(this.queue.entries).bytes,
    }
    const random = RANDOM_LENGTHS.map((length) => this.#random.bytes(Math.min(length, target.bytesMax)))
    for (const input of [...target.seeds(), ...kept, ...random])
      this.#try(input.length <= target.bytesMax ? input : input.slice(0, target.bytesMax))
    // Without an input that does not fail there is nothing to change.
    if (this.queue.entries.length === 0) this.queue.add(new Uint8Array(0), new Uint32Array(0), 0)
  }

  /** There are so many findings that more would say nothing. */
  get isGivenUp(): boolean {
    return this.findings.length >= FINDINGS_MAX
  }

  /** Goes on until `isOver`, which is asked once in a round of some hundred executions. */
  run(isOver: () => boolean): void {
    while (!isOver() && !this.isGivenUp) this.#round(this.queue.pick(this.#random))
  }

  #round(entry: Entry): void {
    const draft = this.#draft
    const walks = entry.bytes.length > WALK_BYTES_MAX ? 0 : systematicCount(entry.bytes.length)
    const until = Math.min(walks, entry.walked + WALK)
    for (; entry.walked < until; entry.walked++) {
      draft.set(entry.bytes)
      systematic(draft, entry.walked)
      this.#try(draft.take())
    }
    for (let i = WALK; i < ROUND; i++) {
      draft.set(entry.bytes)
      havoc(draft, this.#random, this.#material)
      this.#try(draft.take())
    }
  }

  #try(input: Uint8Array): void {
    const thrown = this.#execute(input)
    const { isNew, work } = this.coverage.look()
    const failed = thrown ?? this.#tooMuch(input, work)
    if (failed !== undefined) {
      this.coverage.clear()
      this.#found(input, failed)
    } else if (isNew) {
      const features = this.coverage.features()
      this.coverage.clear()
      this.queue.add(input, features, work)
    } else this.coverage.clear()
  }

  #execute(input: Uint8Array): Error | undefined {
    this.executions++
    this.#options.onInput?.(input)
    try {
      this.#options.target.run(input)
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(`threw ${String(error)}`)
    }
  }

  #tooMuch(input: Uint8Array, work: number): Error | undefined {
    const { perByte, fixed } = this.#options.target.work ?? WORK
    return work > fixed + perByte * input.length ? new Error('more work than so many bytes are worth') : undefined
  }

  #found(input: Uint8Array, error: Error): void {
    const kind = kindOf(error)
    if (this.#kinds.has(kind)) return
    this.#kinds.add(kind)
    const fails = (smaller: Uint8Array) => {
      const thrown = this.#execute(smaller)
      const { work } = this.coverage.look()
      this.coverage.clear()
      const failed = thrown ?? this.#tooMuch(smaller, work)
      return failed !== undefined && kindOf(failed) === kind
    }
    const [what] = error.message.split('\n')
    this.findings.push({ what, stack: error.stack ?? what, input: shrink(input, fails) })
  }
}

/** Errors that differ only in numbers and what was quoted are of one kind. */
function kindOf({ name, message }: Error): string {
  return `${name} ${message.split(': ')[0].replaceAll(/\d+/g, 'N').slice(0, 80)}`
}

const TOKEN_MAX = 24

function tokensOf(literals: Iterable<string | number | Uint8Array>): Uint8Array[] {
  const tokens = new Map<string, Uint8Array>()
  const add = (token: Uint8Array) => tokens.set(token.join(), token)
  for (const literal of literals) {
    if (typeof literal === 'number') for (const bytes of bytesOf(literal)) add(bytes)
    else if (typeof literal !== 'string') add(literal)
    else if (literal.length > 0 && literal.length <= TOKEN_MAX && /^[\x00-\x7f]*$/.test(literal))
      add(Uint8Array.from(Buffer.from(literal)))
  }
  return [...tokens.values()]
}

/** A number of 2 to 4 bytes as it may stand in an input, in both orders. */
function bytesOf(value: number): Uint8Array[] {
  if (!Number.isInteger(value) || value < 256 || value > 0xffffffff) return []
  const width = value < 1 << 16 ? 2 : value < 1 << 24 ? 3 : 4
  const little = Uint8Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i))
  return [little, Uint8Array.from(little).reverse()]
}
