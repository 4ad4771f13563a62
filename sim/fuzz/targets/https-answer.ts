import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { AnswerReader, type Answer } from '../../../src/runtime/https/answer.ts'
import { pieces } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'

const BODY_MAX = 64
const GOOD = 'HTTP/1.1 200 OK\r\n'

/** Answers to our requests for lists, files of Telegram and names: any split says the same, and no body is longer than allowed. */
export const target: Target = {
  bytesMax: 1024,
  seeds: () =>
    [
      `${GOOD}Content-Length: 5\r\n\r\nhello`,
      `${GOOD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n`,
      `HTTP/1.1 100 Continue\r\n\r\n${GOOD}content-length:0\r\n\r\n`,
      `${GOOD}Content-Length: 65\r\n\r\n`,
      `${GOOD}Content-Length: 1\r\nContent-Length: 1\r\nContent-Encoding: identity\r\n\r\nx`,
      `${GOOD}Transfer-Encoding: chunked\r\n\r\n1;${'e'.repeat(254)}\r\nx\r\n0\r\n\r\n`,
      'HTTP/1.1 301 Moved\r\n\r\n',
      'HTTP/1.0 404\r\n\r\n',
    ].map(fromAscii),
  tokens: [
    '\r\n',
    '\r\n\r\n',
    'Content-Length: ',
    'Transfer-Encoding: chunked',
    'Content-Encoding: gzip',
    ': ',
    '0\r\n',
  ],
  run(input) {
    const whole = read([input])
    mustBeSame(read(pieces(input)), whole, 'an answer in pieces')
    if (whole === undefined) return whole
    if ('body' in whole) must(whole.body.length <= Math.min(BODY_MAX, input.length), 'a body longer than what came')
    else must(/^answers [\x20-\x7e]{1,100}$/.test(whole.message), 'a message that is no line')
    return whole
  },
}

/** Up to the first answer, as the reader wants it. */
function read(chunks: readonly Uint8Array[]): Answer | undefined {
  const reader = new AnswerReader(BODY_MAX)
  for (const chunk of chunks) {
    const answer = reader.push(chunk)
    if (answer !== undefined) return answer
  }
  return undefined
}
