/**
 * What one relayed megabyte costs the core in memory for bytes: allocations, copies, writes. No sockets and no clock: a virtual
 * world drives the whole core, so the figures are the same on every machine. See docs/benchmarks.md.
 *
 *   npm run bench:copies            and the same with `bun bench/copies/main.ts`
 */
import { ByteCounter } from './counter.ts'
import { runCase, type Case } from './world.ts'

const MB = 1 << 20
const RELAYED_BYTES = 8 * MB
/** Files travel in parts of this size, updates and small calls in messages of that. */
const FILE_PART_BYTES = 128 << 10
const SMALL_BYTES = 512
const FEW_BYTES = 64

const down = (bytes: number, clients = 1) => parts({ bytes: FEW_BYTES, answerBytes: bytes }, clients)
const up = (bytes: number, clients = 1) => parts({ bytes, answerBytes: FEW_BYTES }, clients)

const CASES: Readonly<Record<string, Case>> = {
  'plain download': direct('plain', down(FILE_PART_BYTES)),
  'plain download, slow client': { ...direct('plain', down(FILE_PART_BYTES)), isSlow: true },
  'plain upload': direct('plain', up(FILE_PART_BYTES)),
  'ee download': direct('ee', down(FILE_PART_BYTES)),
  'ee download, slow client': { ...direct('ee', down(FILE_PART_BYTES)), isSlow: true },
  'ee upload': direct('ee', up(FILE_PART_BYTES)),
  'middle, plain download': middle('plain', down(FILE_PART_BYTES), 1),
  'middle, ee download': middle('ee', down(FILE_PART_BYTES), 1),
  'middle, ee download, slow client': { ...middle('ee', down(FILE_PART_BYTES), 1), isSlow: true },
  'middle, plain upload': middle('plain', up(FILE_PART_BYTES), 1),
  'middle, ee upload': middle('ee', up(FILE_PART_BYTES), 1),
  'middle, small messages, 8 clients': middle('ee', parts({ bytes: SMALL_BYTES, answerBytes: SMALL_BYTES }, 8), 8),
}

const counter = new ByteCounter()
console.log(
  '| per relayed MB | allocations | MB allocated | views | MB copied | cipher outputs | MB enciphered | writes |',
)
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |')
for (const [name, each] of Object.entries(CASES)) {
  const writes = runCase(each, counter)
  const relayed = (each.clients * each.parts.reduce((sum, part) => sum + part.bytes + part.answerBytes, 0)) / MB
  const { allocations, allocatedBytes, views, copiedBytes, cipherOutputs, cipherBytes } = counter.counts
  const cells = [
    count(allocations / relayed),
    (allocatedBytes / MB / relayed).toFixed(2),
    count(views / relayed),
    (copiedBytes / MB / relayed).toFixed(2),
    count(cipherOutputs / relayed),
    (cipherBytes / MB / relayed).toFixed(2),
    count(writes.count / relayed),
  ]
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}

function parts(part: { readonly bytes: number; readonly answerBytes: number }, clients: number): Case['parts'] {
  const count = Math.ceil(RELAYED_BYTES / clients / (part.bytes + part.answerBytes))
  return Array.from({ length: count }, () => ({ ...part, quickAck: false }))
}

function direct(mode: Case['mode'], parts: Case['parts']): Case {
  return { mode, way: 'direct', clients: 1, isSlow: false, parts }
}

function middle(mode: Case['mode'], parts: Case['parts'], clients: number): Case {
  return { mode, way: 'middle', clients, isSlow: false, parts }
}

function count(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0)
}
