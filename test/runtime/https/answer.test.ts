import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { AnswerReader, type Answer } from '../../../src/runtime/https/answer.ts'

const BODY_MAX = 1000

/** What a reader makes of the pieces; undefined when it waits for more in the end. */
function read(pieces: readonly (string | Uint8Array)[], bodyMax = BODY_MAX): Answer | undefined {
  const reader = new AnswerReader(bodyMax)
  for (const piece of pieces) {
    const answer = reader.push(Buffer.from(piece))
    if (answer !== undefined) return answer
  }
  return undefined
}
const bodyOf = (answer: Answer | undefined) =>
  answer !== undefined && 'body' in answer ? Buffer.from(answer.body).toString() : answer

const OK = 'HTTP/1.1 200 OK\r\n'
const WHOLE = `${OK}Content-Length: 5\r\nServer: x\r\n\r\nhello`
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nhel\r\n02\r\nlo\r\n0\r\nTrailer: x\r\n\r\n`

describe('an answer', () => {
  it.each([
    ['with a length', WHOLE],
    ['in chunks', CHUNKED],
    ['of HTTP/1.0, without a reason', 'HTTP/1.0 200\r\ncontent-length:5\r\n\r\nhello'],
    [
      'after others that announce it',
      `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${WHOLE}`,
    ],
    ['followed by bytes that nobody asked for', `${WHOLE}more`],
    ['with its length twice', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ])('%s is read', (_, text) => expect(bodyOf(read([text]))).toBe('hello'))

  it('without a body is empty', () => {
    expect(bodyOf(read([`${OK}Content-Length: 0\r\n\r\n`]))).toBe('')
    expect(bodyOf(read([`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]))).toBe('')
  })

  it.each([WHOLE, CHUNKED])('is waited for to its last byte', (text) => {
    expect(read([text.slice(0, -1)])).toBeUndefined()
    expect(read([text.slice(0, -1), text.slice(-1)])).toBeDefined()
  })

  it.each([
    [
      'a redirect',
      'HTTP/1.1 302 Found\r\nLocation: https://other.example.com/\r\n\r\n',
      'status',
      /answers 302: redirects/,
    ],
    ['an error', 'HTTP/1.1 503 Busy\r\n\r\n', 'status', /answers 503$/],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'status', /answers 101$/],
    ['no HTTP', 'SSH-2.0-x\r\n\r\n', 'bad-answer', /not HTTP/],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n', 'bad-answer', /not HTTP/],
    ['no length', `${OK}\r\nhello`, 'bad-answer', /without a length/],
    ['a negative length', `${OK}Content-Length: -1\r\n\r\n`, 'bad-answer', /length that is none/],
    ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 'bad-answer', /two lengths/],
    [
      'a length and chunks',
      `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'bad-answer',
      /two lengths/,
    ],
    ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'bad-answer', /unknown transfer coding/],
    ['a compressed body', `${OK}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n`, 'bad-answer', /compressed/],
    ['a folded field', `${OK}Content-Length: 5\r\n X: y\r\n\r\nhello`, 'bad-answer', /field that is none/],
    ['a chunk without a size', `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 'bad-answer', /without a size/],
    ['a chunk too long', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n`, 'bad-answer', /does not end/],
    ['a size line too long', `${OK}Transfer-Encoding: chunked\r\n\r\n3;${'x'.repeat(300)}`, 'bad-answer', /too long/],
  ])('%s is refused', (_, text, failure, message) => {
    expect(read([text])).toEqual({ failure, message: expect.stringMatching(message) as string })
  })
})

describe('the bounds of an answer', () => {
  it.each([
    ['a length', (size: number) => `${OK}Content-Length: ${size}\r\n\r\n${'x'.repeat(size)}`],
    [
      'one chunk',
      (size: number) =>
        `${OK}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`,
    ],
    ['small chunks', (size: number) => `${OK}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(size)}0\r\n\r\n`],
  ])('body of %s: one below, at and above', (_, make) => {
    for (const size of [BODY_MAX - 1, BODY_MAX]) expect(bodyOf(read([make(size)]))).toHaveLength(size)
    expect(read([make(BODY_MAX + 1)])).toEqual({ failure: 'too-large', message: 'answers with more than 1000 bytes' })
  })

  it('a body too large is refused before it comes', () => {
    expect(read([`${OK}Content-Length: 1001\r\n\r\n`])).toMatchObject({ failure: 'too-large' })
    expect(read([`${OK}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n`])).toMatchObject({ failure: 'too-large' })
  })

  it('a head has 16 KB, however it comes', () => {
    const head = (bytes: number) => {
      const base = `${OK}Content-Length: 0\r\nX: \r\n\r\n`
      return base.replace('X: ', `X: ${'x'.repeat(bytes - base.length + 4)}`)
    }
    expect(bodyOf(read([head(16_384)]))).toBe('')
    expect(read([head(16_385)])).toMatchObject({ failure: 'bad-answer' })
    expect(read(['HTTP/1.1 200 OK\r\nX: '.padEnd(16_385, 'x')])).toMatchObject({ failure: 'bad-answer' })
    const early = `HTTP/1.1 103 Early Hints\r\nX: ${'x'.repeat(1000)}\r\n\r\n`
    expect(read(Array.from({ length: 20 }, () => early))).toMatchObject({ failure: 'bad-answer' })
  })

  it('the longest head and the longest line may be cut in the middle of their ends', () => {
    const head = `${OK}Content-Length: 0\r\nX: `.padEnd(16_384, 'x')
    for (const end of [1, 2, 3]) expect(read([`${head}${'\r\n\r\n'.slice(0, end)}`])).toBeUndefined()
    expect(read([`${head}\rx`])).toMatchObject({ failure: 'bad-answer' })
    const line = `${OK}Transfer-Encoding: chunked\r\n\r\n0;${'x'.repeat(254)}`
    expect(bodyOf(read([`${line}\r`, '\n\r\n']))).toBe('')
  })

  it('so have trailers', () => {
    const start = `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`
    expect(read([start, ...Array.from({ length: 3000 }, () => 'A: b\r\n')])).toMatchObject({ failure: 'bad-answer' })
  })
})

const arbText = fc.oneof(
  fc.constantFrom(WHOLE, CHUNKED, `${OK}\r\n`, WHOLE.replace('200', '302'), CHUNKED.replace('02', 'zz')),
  fc
    .array(fc.constantFrom(OK, 'Transfer-Encoding: chunked\r\n', '\r\n', '3\r\nabc', '0', ':', 'x'), { maxLength: 12 })
    .map((parts) => parts.join('')),
)
test.prop([arbText, fc.array(fc.nat({ max: 200 }), { maxLength: 8 })])('the split does not matter', (text, cuts) => {
  const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length]
  const pieces = at.slice(1).map((end, i) => text.slice(at[i], end))
  expect(read(pieces)).toEqual(read([text]))
})
