import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { LineReader } from '../../../src/workers/lines.ts'
import { Peer } from '../../../src/workers/peer.ts'
import { pieces } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const LINE_MAX = 200

/** The channel between processes of ours: lines of JSON, from a process that may be of another version, or broken. */
export const target: Target = {
  bytesMax: 512,
  seeds: () =>
    [
      '{"ask":"add","id":1,"args":[1,2]}\n{"tell":"note","args":{"a":null}}\n',
      '{"id":1,"value":3}\n{"id":2,"why":"no"}\n{"id":3}\n',
      '{"ask":"toString","id":1}\n{"tell":"__proto__"}\n{"ask":"throw","id":-1.5e3}\n',
      '{"id":1,"why":{"toString":1}}\n',
      'null\n',
      '[]\n{}\n',
      '{"ask":"add","id":"1"}\n',
      `"${'x'.repeat(LINE_MAX - 2)}"\n`,
      `${'x'.repeat(LINE_MAX + 1)}`,
    ].map(fromAscii),
  tokens: [
    '"ask"',
    '"tell"',
    '"id"',
    '"args"',
    '"value"',
    '"why"',
    '"add"',
    '"note"',
    '"throw"',
    '{"',
    '"}',
    '\n',
    '"__proto__"',
    '{"toString":1}',
  ],
  run(input) {
    const model = linesOf(input)
    const lines: string[] = []
    const reader = new LineReader(LINE_MAX)
    let isOver = false
    for (const chunk of pieces(input)) {
      const next = reader.push(chunk)
      must(!isOver || next === undefined, 'a line that is too long was forgotten')
      isOver = next === undefined
      lines.push(...(next ?? []))
    }
    must(isOver === model.isTooLong, 'a line is too long in one cut only')
    // What came in the piece of the long line is not told: how much that is depends on the cut, and the channel ends there.
    if (isOver) mustBeSame(lines, model.lines.slice(0, lines.length), 'lines before one that is too long')
    else mustBeSame(lines, model.lines, 'lines')
    return [lines.length > 0 || isOver ? mustAgree(input) : 'nothing', model]
  },
}

function linesOf(input: Uint8Array): { readonly lines: readonly string[]; readonly isTooLong: boolean } {
  const parts: Uint8Array[] = []
  let from = 0
  for (let end = input.indexOf(10); end >= 0; end = input.indexOf(10, from)) {
    parts.push(input.subarray(from, end))
    from = end + 1
  }
  const tooLong = [...parts, input.subarray(from)].findIndex(({ length }) => length > LINE_MAX)
  const whole = tooLong < 0 ? parts : parts.slice(0, tooLong)
  return { lines: whole.map((part) => Buffer.from(part).toString('utf8')), isTooLong: tooLong >= 0 }
}

/** A peer makes the same of it whole and in pieces, and is over or not. */
function mustAgree(input: Uint8Array): unknown {
  const [whole, cut] = [heard([input]), heard(pieces(input))]
  mustBeSame(cut, whole, 'what a peer makes of it')
  must(whole.ends === Number(whole.isOver), 'a channel ends once')
  return whole
}

function heard(chunks: readonly Uint8Array[]) {
  const notes: unknown[] = []
  let [asked, ends, closes] = [0, 0, 0]
  const peer = new Peer({
    write: () => {},
    close: () => void closes++,
    services: {
      add: (args) => {
        asked++
        return args
      },
      throw: () => {
        throw new Error('no')
      },
    },
    notes: { note: (args) => void notes.push(args) },
    onEnd: () => void ends++,
  })
  void peer.ask('what waits for an answer')
  for (const chunk of chunks) peer.heard(chunk.slice())
  must(closes === ends, 'it was closed and not over')
  return { notes, asked, ends, isOver: peer.isOver }
}
