import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { formatAddress } from '../../config/values/net.ts'
import type { Address } from '../../core/ports.ts'
import { errorCode } from '../network.ts'
import { encodeQuestion, readAnswer, type Answer, type Question, type RecordType } from './message.ts'

/**
 * Plain DNS: by UDP, and by TCP what does not fit (RFC 7766). Not the runtimes' own client, because one of them keeps answers
 * for itself, over servers and beyond their time.
 */

export interface PlainTimes {
  /** A question that got no answer is sent again after this, for a packet may be lost. */
  readonly resendMs: number
  readonly timeoutMs: number
}

const TIMES: PlainTimes = { resendMs: 1_500, timeoutMs: 5_000 }
/** Of a message by TCP. Addresses need a small part of it. */
const MESSAGE_MAX_BYTES = 4096
const LENGTH_BYTES = 2

/** Ends within twice `timeoutMs`. */
export async function askPlain(server: Address, host: string, type: RecordType, times = TIMES): Promise<Answer> {
  // A new port each time and an id nobody can know: whoever is not on the path has to guess both.
  const question = { id: randomInt(1 << 16), host, type }
  const answer = await askByUdp(server, question, times)
  return answer ?? askByTcp(server, question, times.timeoutMs)
}

/** Undefined: the answer was too long for UDP. What is no answer is passed over: the right one may still come. */
function askByUdp(server: Address, question: Question, times: PlainTimes): Promise<Answer | undefined> {
  const { ip, port } = server
  return new Promise((resolve) => {
    const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
    let isOver = false
    const finish = (answer: Answer | undefined) => {
      if (isOver) return
      isOver = true
      clearTimeout(limit)
      clearInterval(resend)
      socket.close()
      resolve(answer)
    }
    const failed = (error: unknown) => finish(failure(server, `cannot be reached (${errorCode(error)})`))
    const send = () => socket.send(encodeQuestion(question), (error) => error && failed(error))
    const limit = setTimeout(() => finish(failure(server, `took longer than ${times.timeoutMs} ms`)), times.timeoutMs)
    const resend = setInterval(() => socket.send(encodeQuestion(question), () => {}), times.resendMs)
    socket.on('error', failed)
    socket.on('message', (message) => {
      const reading = readAnswer(message, question)
      if (reading.kind === 'other') return
      finish(reading.kind === 'truncated' ? undefined : named(server, reading))
    })
    // Connected: the kernel lets nobody else answer, and tells when nobody listens there.
    socket.connect(port, ip, send)
  })
}

function askByTcp(server: Address, question: Question, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.ip, port: server.port })
    const finish = (answer: Answer) => {
      clearTimeout(limit)
      socket.destroy()
      resolve(answer)
    }
    const limit = setTimeout(() => finish(failure(server, `took longer than ${timeoutMs} ms`)), timeoutMs)
    let seen = Buffer.alloc(0)
    socket.on('connect', () => {
      const message = encodeQuestion(question)
      socket.write(Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 0xff), message]))
    })
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      if (seen.length < LENGTH_BYTES) return
      const length = seen.readUInt16BE()
      if (length > MESSAGE_MAX_BYTES) finish(failure(server, `answers with more than ${MESSAGE_MAX_BYTES} bytes`))
      else if (seen.length >= LENGTH_BYTES + length)
        finish(answerIn(server, seen.subarray(LENGTH_BYTES, LENGTH_BYTES + length), question))
    })
    socket.on('error', (error) => finish(failure(server, `cannot be reached (${errorCode(error)})`)))
    socket.on('close', () => finish(failure(server, 'ended the connection')))
  })
}

function answerIn(server: Address, message: Uint8Array, question: Question): Answer {
  const reading = readAnswer(message, question)
  const isAnswer = reading.kind === 'addresses' || reading.kind === 'failed'
  return isAnswer ? named(server, reading) : failure(server, 'answers with something else')
}

function named(server: Address, answer: Answer): Answer {
  return answer.kind === 'failed' ? failure(server, answer.why) : answer
}

function failure(server: Address, why: string): Answer {
  return { kind: 'failed', why: `${formatAddress(server)} ${why}` }
}
