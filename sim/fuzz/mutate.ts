import type { SeededRandom } from '../world/random.ts'
import type { Draft } from './draft.ts'

/** Values at which codes of all kinds turn over. */
const INTERESTING = [
  ...[0, 1, 2, 4, 7, 8, 16, 32, 63, 64, 100, 127, 128, 192, 255],
  ...[256, 512, 1000, 1024, 4096, 16_384, 16_640, 32_767, 32_768, 65_535],
  ...[65_536, 0x7fffff, 0x800000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xffffffff],
]
const STEP_MAX = 35
const BLOCK_MAX = 64

/** What mutations take from: texts and numbers of the code under test, and another input to cross with. */
export interface Material {
  readonly tokens: readonly Uint8Array[]
  readonly other: () => Uint8Array
}

type Mutation = (draft: Draft, random: SeededRandom, material: Material) => void

/** One change each. None looks at a clock or at anything but its arguments. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBit(draft, random) {
    if (draft.length > 0) draft.bytes[random.below(draft.length)] ^= 1 << random.below(8)
  },
  setByte(draft, random) {
    if (draft.length > 0) draft.bytes[random.below(draft.length)] = random.below(256)
  },
  setInteresting(draft, random) {
    const field = pickField(draft, random)
    if (field !== undefined) draft.write(field.at, field.width, random.chance(1, 2), random.pick(INTERESTING))
  },
  addSomething(draft, random) {
    const field = pickField(draft, random)
    if (field === undefined) return
    const isLittle = random.chance(1, 2)
    const step = random.between(-STEP_MAX, STEP_MAX)
    draft.write(field.at, field.width, isLittle, draft.read(field.at, field.width, isLittle) + step)
  },
  /** A length that says how much there is behind it, or nearly so. */
  setLength(draft, random) {
    const field = pickField(draft, random)
    if (field === undefined) return
    const { at, width } = field
    const rest = draft.length - at - width
    const length = random.chance(1, 2) ? rest : random.below(rest + 1)
    draft.write(at, width, random.chance(1, 2), Math.max(0, length + random.between(-4, 4)))
  },
  removeBlock(draft, random) {
    const { at, count } = pickBlock(draft, random)
    draft.remove(at, count)
  },
  cutEnd(draft, random) {
    draft.length -= random.below(Math.min(draft.length, BLOCK_MAX) + 1)
  },
  repeatBlock(draft, random) {
    const { at, count } = pickBlock(draft, random)
    draft.insert(random.below(draft.length + 1), draft.bytes.slice(at, at + count))
  },
  overwriteBlock(draft, random) {
    const { at, count } = pickBlock(draft, random)
    draft.overwrite(random.below(draft.length + 1), draft.bytes.slice(at, at + count))
  },
  fillBlock(draft, random) {
    const { at, count } = pickBlock(draft, random)
    draft.bytes.fill(random.below(256), at, at + count)
  },
  insertBlock(draft, random) {
    const count = random.between(1, random.chance(1, 8) ? 1024 : 16)
    const piece = random.chance(1, 2) ? random.bytes(count) : new Uint8Array(count).fill(random.below(256))
    draft.insert(random.below(draft.length + 1), piece)
  },
  swapBytes(draft, random) {
    if (draft.length === 0) return
    const [a, b] = [random.below(draft.length), random.below(draft.length)]
    const kept = draft.bytes[a]
    draft.bytes[a] = draft.bytes[b]
    draft.bytes[b] = kept
  },
  changeDigit(draft, random) {
    if (draft.length === 0) return
    const from = random.below(draft.length)
    for (let at = from; at < draft.length; at++)
      if (draft.bytes[at] >= 0x30 && draft.bytes[at] <= 0x39) {
        draft.bytes[at] = 0x30 + random.below(10)
        return
      }
  },
  insertToken(draft, random, { tokens }) {
    if (tokens.length > 0) draft.insert(random.below(draft.length + 1), random.pick(tokens))
  },
  overwriteToken(draft, random, { tokens }) {
    if (tokens.length > 0) draft.overwrite(random.below(draft.length + 1), random.pick(tokens))
  },
  insertOther(draft, random, { other }) {
    const { at, count } = pickBlockOf(other().length, random)
    draft.insert(random.below(draft.length + 1), other().subarray(at, at + count))
  },
  splice(draft, random, { other }) {
    const tail = other()
    const at = random.below(draft.length + 1)
    draft.length = at
    draft.insert(at, tail.subarray(random.below(tail.length + 1)))
  },
}
const ALL = Object.values(MUTATIONS)

/** A few changes, more often one than many. */
export function havoc(draft: Draft, random: SeededRandom, material: Material): void {
  const changes = 1 << random.below(random.chance(1, 4) ? 6 : 3)
  for (let i = 0; i < changes; i++) ALL[random.below(ALL.length)](draft, random, material)
}

const SMALL = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x0a]
const WIDTHS = [2, 3, 4]
/** Of each byte: its bits, some values, and words that begin there one up and down, in both orders. */
const STEPS_PER_BYTE = 8 + SMALL.length + WIDTHS.length * 4

/** How many systematic changes there are of an input of so many bytes. */
export function systematicCount(length: number): number {
  return length * STEPS_PER_BYTE
}

/** Makes systematic change `step` of `systematicCount`; those that do not fit at the end change nothing. */
export function systematic(draft: Draft, step: number): void {
  const at = Math.floor(step / STEPS_PER_BYTE)
  let which = step % STEPS_PER_BYTE
  if (which < 8) {
    draft.bytes[at] ^= 1 << which
    return
  }
  which -= 8
  if (which < SMALL.length) {
    draft.bytes[at] = SMALL[which]
    return
  }
  which -= SMALL.length
  const width = WIDTHS[which >> 2]
  if (at + width > draft.length) return
  const isLittle = (which & 1) !== 0
  draft.write(at, width, isLittle, draft.read(at, width, isLittle) + ((which & 2) === 0 ? 1 : -1))
}

function pickField(draft: Draft, random: SeededRandom): { readonly at: number; readonly width: number } | undefined {
  const width = random.between(1, 4)
  if (draft.length < width) return undefined
  return { at: random.below(draft.length - width + 1), width }
}

function pickBlock(draft: Draft, random: SeededRandom): { readonly at: number; readonly count: number } {
  return pickBlockOf(draft.length, random)
}

/** Mostly short ones. */
function pickBlockOf(length: number, random: SeededRandom): { readonly at: number; readonly count: number } {
  if (length === 0) return { at: 0, count: 0 }
  const most = Math.min(length, random.chance(1, 8) ? length : random.chance(1, 2) ? 8 : BLOCK_MAX)
  const count = random.between(1, most)
  return { at: random.below(length - count + 1), count }
}
