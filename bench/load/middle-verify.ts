import { randomFillSync } from 'node:crypto'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS } from '../../src/core/protocol/framing/index.ts'
import { openClient } from './client.ts'
import type { Job, JobResult } from './job.ts'
import { framed, messageOf } from './message.ts'
import type { Middle } from './middle.ts'
import { makeOpening } from './opening.ts'
import { asRecords, Collector, compare, payloadOf } from './verify.ts'

/** Messages of a check: of one block and a bit, and of many. */
const LENGTHS = [40, 132, 4_096, 65_528, 131_072]

/**
 * Sends messages of random bytes, `amount` in all at least, through the subject in both directions, and compares hashes of
 * what came: by middle proxy too, a wrong proxy must not get figures.
 */
export async function verifyMiddle(middle: Middle, job: Job): Promise<JobResult> {
  const client = await openClient(job.port, job.mode, makeOpening('middle', job.mode))
  const { keys, number, sentBytes } = client.opening
  const atMiddle = middle.clients.get(number)
  if (keys === undefined || atMiddle === undefined) throw new Error('the client did not come by the middle proxy')
  const [upward, downward] = [messages(number, job.amount), messages(number, job.amount)]
  const requests: Uint8Array[] = []
  const allAsked = new Promise<void>((resolve) => {
    middle.onRequest = (_client, message) => {
      if (requests.push(message.slice()) === upward.length) resolve()
    }
  })
  const atClient = new Collector()
  client.handler = atClient
  const sealed = ctr(keys.up, sentBytes).update(Buffer.concat(upward.map(framed)))
  const wire = job.mode === 'ee' ? asRecords(sealed) : sealed
  client.pump(wire, wire.length)
  await allAsked
  for (const message of downward) atMiddle.answer(message)
  atMiddle.close()
  await atClient.ended

  const came = job.mode === 'ee' ? payloadOf(atClient.bytes()) : atClient.bytes()
  compare('to the middle proxy', Buffer.concat(upward), Buffer.concat(requests))
  const stream = ctr(keys.down, client.greetedBytes).update(came)
  compare('to the client', Buffer.concat(downward), answersIn(stream, job))
  return { amount: 2 * job.amount, cpuMs: 0, wallMs: 0, residentKb: 0 }
}

function messages(number: number, amount: number): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let bytes = 0; bytes < amount; bytes += all.at(-1)?.length ?? 0) {
    const message = messageOf(number, LENGTHS[all.length % LENGTHS.length])
    randomFillSync(message, 8)
    all.push(message)
  }
  return all
}

/** All messages that a client finds in its stream behind the greeting, one after the other. */
function answersIn(stream: Uint8Array, { mode }: Job): Uint8Array {
  const answers: Uint8Array[] = []
  const reader = FRAMINGS[mode === 'plain' ? 'intermediate' : 'padded'].reader({ side: 'client' })
  const verdict = reader.push(stream, (frame) => {
    if (frame.kind === 'packet') answers.push(frame.payload.slice())
  })
  if (verdict === 'bad') throw new Error('what came to the client is no frames')
  return Buffer.concat(answers)
}
