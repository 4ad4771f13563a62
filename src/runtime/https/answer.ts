/** Head of an answer and trailers, in all; lines between chunks. */
const HEAD_BYTES_MAX = 16 * 1024
const SIZE_LINE_BYTES_MAX = 256
const LINE_END = '\r\n'
const HEAD_END = '\r\n\r\n'
const CRLF_LENGTH = LINE_END.length

export type AnswerFailure = 'status' | 'too-large' | 'bad-answer'

export type Answer =
  | { readonly body: Uint8Array }
  /** `message` follows the name of the host. */
  | { readonly failure: AnswerFailure; readonly message: string }

type State =
  | { readonly name: 'head' }
  | { readonly name: 'body'; left: number }
  | { readonly name: 'size' }
  | { readonly name: 'chunk'; left: number }
  | { readonly name: 'chunk-end' }
  | { readonly name: 'trailers' }

/**
 * Reads one answer to one GET (RFC 9112): 200 with a body of a stated length, or in chunks. A body that goes on until the
 * connection ends is refused: whoever cuts the connection could cut it too.
 */
export class AnswerReader {
  readonly #bodyMax: number
  #state: State = { name: 'head' }
  #rest: Buffer = Buffer.alloc(0)
  #headLeft = HEAD_BYTES_MAX
  /** Longer than what it holds; grows by doubling, so that many small chunks cost no more than their bytes. */
  #body: Uint8Array = new Uint8Array(0)
  #bodyLength = 0
  /** Of what was announced so far. */
  #announced = 0

  constructor(bodyBytesMax: number) {
    this.#bodyMax = bodyBytesMax
  }

  /** The answer, once it is whole or cannot become good; undefined asks for more. Not to be called after an answer. */
  push(chunk: Uint8Array): Answer | undefined {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const step = this.#step()
      if (step === 'again') continue
      if (step === 'more') return undefined
      return step === 'done' ? { body: this.#body.slice(0, this.#bodyLength) } : step
    }
  }

  #step(): 'again' | 'more' | 'done' | Answer {
    const state = this.#state
    switch (state.name) {
      case 'head':
        return this.#head()
      case 'body':
        this.#take(state)
        return state.left === 0 ? 'done' : 'more'
      case 'size':
        return this.#size()
      case 'chunk':
        this.#take(state)
        if (state.left > 0) return 'more'
        this.#state = { name: 'chunk-end' }
        return 'again'
      case 'chunk-end':
        if (this.#rest.length < CRLF_LENGTH) return 'more'
        if (this.#rest.readUInt16BE() !== 0x0d0a) return bad('a chunk that does not end')
        this.#rest = this.#rest.subarray(CRLF_LENGTH)
        this.#state = { name: 'size' }
        return 'again'
      case 'trailers': {
        const read = this.#line(this.#headLeft)
        if (read === 'more' || !('line' in read)) return read
        this.#headLeft -= read.line.length + CRLF_LENGTH
        return read.line === '' ? 'done' : 'again'
      }
    }
  }

  #head(): 'again' | 'more' | 'done' | Answer {
    const end = this.#rest.indexOf(HEAD_END)
    if (lengthUpTo(HEAD_END, this.#rest) > this.#headLeft) return bad('a head that is too long')
    if (end < 0) return 'more'
    const [statusLine, ...fields] = this.#rest.toString('latin1', 0, end).split('\r\n')
    this.#headLeft -= end
    this.#rest = this.#rest.subarray(end + 2 * CRLF_LENGTH)
    const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]
    if (status === undefined) return bad('something that is not HTTP/1.1')
    // 101 would end HTTP; the others announce the answer.
    if (status.startsWith('1') && status !== '101') return 'again'
    if (status.startsWith('3')) return { failure: 'status', message: `answers ${status}: redirects are not followed` }
    if (status !== '200') return { failure: 'status', message: `answers ${status}` }
    return this.#open(fields)
  }

  #open(fields: readonly string[]): 'again' | 'done' | Answer {
    const values = new Map<string, string>()
    for (const field of fields) {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(field) ?? []
      if (name === undefined) return bad('a field that is none')
      const key = name.toLowerCase()
      const before = values.get(key)
      if (before !== undefined && before !== value && /^(content-length|transfer-encoding)$/.test(key))
        return bad('two lengths')
      values.set(key, value)
    }
    const [length, coding] = [values.get('content-length'), values.get('transfer-encoding')]
    if ((values.get('content-encoding') ?? 'identity') !== 'identity') return bad('a compressed body')
    if (length !== undefined && coding !== undefined) return bad('two lengths')
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked') return bad('an unknown transfer coding')
      this.#state = { name: 'size' }
      return 'again'
    }
    if (length === undefined) return bad('a body without a length')
    if (!/^\d{1,15}$/.test(length)) return bad('a length that is none')
    this.#state = { name: 'body', left: Number(length) }
    return this.#announce(Number(length)) ?? 'again'
  }

  #size(): 'again' | 'more' | 'done' | Answer {
    const read = this.#line(SIZE_LINE_BYTES_MAX)
    if (read === 'more' || !('line' in read)) return read
    const digits = /^([0-9a-f]{1,8})[ \t]*(?:;|$)/i.exec(read.line)?.[1]
    if (digits === undefined) return bad('a chunk without a size')
    const left = parseInt(digits, 16)
    this.#state = left === 0 ? { name: 'trailers' } : { name: 'chunk', left }
    return this.#announce(left) ?? 'again'
  }

  #line(lengthMax: number): { readonly line: string } | 'more' | Answer {
    const end = this.#rest.indexOf(LINE_END)
    if (lengthUpTo(LINE_END, this.#rest) > lengthMax) return bad('a line that is too long')
    if (end < 0) return 'more'
    const line = this.#rest.toString('latin1', 0, end)
    this.#rest = this.#rest.subarray(end + CRLF_LENGTH)
    return { line }
  }

  /** Announces bytes of the body; refused before they come. */
  #announce(bytes: number): Answer | undefined {
    this.#announced += bytes
    if (this.#announced <= this.#bodyMax) return undefined
    return { failure: 'too-large', message: `answers with more than ${this.#bodyMax} bytes` }
  }

  #take(state: { left: number }): void {
    const taken = this.#rest.subarray(0, state.left)
    const length = this.#bodyLength + taken.length
    if (length > this.#body.length) {
      const larger = new Uint8Array(Math.min(this.#bodyMax, Math.max(length, 2 * this.#body.length)))
      larger.set(this.#body.subarray(0, this.#bodyLength))
      this.#body = larger
    }
    this.#body.set(taken, this.#bodyLength)
    this.#bodyLength = length
    state.left -= taken.length
    this.#rest = this.#rest.subarray(taken.length)
  }
}

/** Bytes in front of `end`, or as many as are sure to be by now: some of `end` may be there already. */
function lengthUpTo(end: string, bytes: Buffer): number {
  const at = bytes.indexOf(end)
  if (at >= 0) return at
  for (let begun = end.length - 1; begun > 0; begun--)
    if (bytes.toString('latin1', Math.max(0, bytes.length - begun)) === end.slice(0, begun)) return bytes.length - begun
  return bytes.length
}

function bad(what: string): Answer {
  return { failure: 'bad-answer', message: `answers with ${what}` }
}
